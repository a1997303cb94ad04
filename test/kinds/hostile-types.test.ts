/**
 * Every reader of JSON that others wrote: with any value at any member, the response is a refusal or a valid result.
 * The reader never throws, which would be a 500 with a stack in the log.
 */

import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { openUsers } from '../../packages/server/src/app/administration.ts'
import { storedNames } from '../../packages/server/src/clients/registration/stated-metadata.ts'
import { unpackMetadata } from '../../packages/server/src/clients/sealed/packed-metadata.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { createAuditHandlers } from '../../packages/server/src/endpoints/admin/audit.ts'
import { createProviderKeys } from '../../packages/server/src/identity/federation/provider-keys.ts'
import { readJwks } from '../../packages/server/src/keys/jwk-file.ts'
import { MasterKeyError } from '../../packages/server/src/keys/master-key-error.ts'
import {
  mastersOf,
  newestFromOf,
  newestVersionOf,
  openRootKeys,
} from '../../packages/server/src/keys/root-key-set.ts'
import type { MasterKey } from '../../packages/server/src/model/keys.ts'
import { verifyAuditLog } from '../../packages/server/src/operations/audit/verification.ts'
import { parseLogLine } from '../../packages/server/src/operations/explain/log-line.ts'
import { storiesOf } from '../../packages/server/src/operations/explain/story.ts'
import { storyText } from '../../packages/server/src/operations/explain/story-text.ts'
import { importedPasswordHash } from '../../packages/server/src/runtime/password-hash/exported.ts'
import type { TokenHash } from '../../packages/server/src/runtime/ports.ts'
import { rowError } from '../../packages/server/src/storage/tables/archive.ts'
import {
  decodeRow,
  isClosing,
  isHeader,
  isOpening,
  isTotal,
  parseLine,
} from '../../packages/server/src/storage/transfer/format.ts'
import { tessera } from '../cli/shared-process.ts'
import { startAdmin } from '../support/admin.ts'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { createBrowser } from '../support/browser.ts'
import { one } from '../support/certificates.ts'
import { methodHref } from '../support/factors.ts'
import { anyVariant, hostileTexts, variants } from '../support/hostile.ts'
import { textsOf } from '../support/repository.ts'
import { forgeId } from '../support/sealed-clients.ts'
import { authorizePath, callback, pagesWorld, signIn } from '../support/sign-in.ts'
import {
  type Answer,
  basic,
  claimsOf,
  createTestServer,
  issuer,
  type SendOptions,
  type TestServer,
} from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'
import { assertCovers } from './coverage.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
/** Signs any header and payload: no library would create such a JWT. */
function jws(header: unknown, payload: unknown, key: KeyObject = privateKey): string {
  const input = `${encoded(header)}.${encoded(payload)}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}
const unsigned = (header: unknown, payload: unknown): string => `${encoded(header)}.${encoded(payload)}.`

/** Each of these JWTs has one hostile value in its header or its payload. */
function* hostileJwts(header: object, payload: object, { make = jws, stride = 1 } = {}) {
  for (const { what, value } of variants(header, stride))
    yield { what: `header ${what}`, jwt: make(value, payload) }
  for (const { what, value } of variants(payload, stride)) yield { what, jwt: make(header, value) }
}

let network = 0
/** From its own network, so that no limit ends the row early. */
async function send(
  server: TestServer,
  method: string,
  target: string,
  { form, ...options }: SendOptions = {},
) {
  const [path = '', query = ''] = target.split('?')
  const address = `10.${++network >> 16}.${(network >> 8) & 255}.${network & 255}`
  const response = await server.handle({
    ...{ id: 'hostile', method, path, query, peer: { address } },
    headers: { ...(form && { 'content-type': 'application/x-www-form-urlencoded' }), ...options.headers },
    body: form ? new URLSearchParams(form as Record<string, string>).toString() : (options.body ?? ''),
  })
  return response as Answer
}

/** By server, how many lines of its log have been read. */
const linesRead = new WeakMap<TestServer, number>()

function assertAnswered(server: TestServer, status: number, what: string): void {
  const lines = server.logged.slice(linesRead.get(server))
  linesRead.set(server, server.logged.length)
  const failed = lines.find(
    ({ event, error }) => event === 'request_failed' && !String(error).startsWith('StoreUnavailable'),
  )
  assert.equal(failed, undefined, `${what}: ${JSON.stringify(failed)}`)
  assert.ok(status < 500 || status === 502 || status === 503, `${what}: ${status}`)
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const bearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const claims = (more: object) => ({
  iss: 'signer',
  sub: 'signer',
  aud: issuer,
  exp: 1_790_000_060,
  iat: 1_790_000_000,
  nbf: 1_789_999_999,
  jti: randomUUID(),
  ...more,
})
const header = { alg: 'ES256', kid: 'k', typ: 'JWT', crit: undefined }

const jsonBody = (value: unknown) => ({
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json' },
})

const signerWorld = {
  ...world,
  registration: {
    mode: 'open',
    trusted_software_issuers: [{ issuer: 'https://trust.example', jwks: { keys: [jwk] } }],
  },
  trusted_issuers: [{ issuer: 'https://partner.example', jwks: { keys: [jwk] } }],
  clients: [
    ...world.clients,
    {
      client_id: 'signer',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
      grant_types: ['client_credentials', 'authorization_code', bearerGrant],
      redirect_uris: [callback],
      scope: 'openid api1',
    },
  ],
}

/** The response for each address that `outbound` requests, at the time of the request. */
const pages = new Map<string, { status?: number; body: string; type?: string }>()
const outbound = async (url: string | URL) => {
  const page = pages.get(String(url).split('?')[0] ?? '')
  if (!page) return { ok: false, reason: 'refused', detail: 'nothing there' } as never
  return {
    ok: true,
    status: page.status ?? 200,
    headers: { 'content-type': page.type ?? 'application/json' },
    body: page.body,
  } as never
}

const metadata = {
  client_name: 'App',
  'client_name#de': 'Anwendung',
  client_uri: 'https://app.example/',
  contacts: ['ops@app.example'],
  application_type: 'web',
  redirect_uris: [callback],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  scope: 'openid',
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'ES256',
  jwks: { keys: [jwk] },
  id_token_signed_response_alg: 'ES256',
  request_uris: ['https://app.example/request'],
  default_max_age: 60,
  default_acr_values: ['1'],
  require_auth_time: true,
  post_logout_redirect_uris: ['https://app.example/bye'],
  backchannel_logout_uri: 'https://app.example/logout',
  subject_type: 'public',
  initiate_login_uri: 'https://app.example/start',
}

/** The name of every cookie that the server sets. */
const cookieNames = [
  ...new Set(
    [...textsOf('packages/server/src/pages/flow/*.ts').values()].flatMap(text =>
      [...text.matchAll(/'(tessera_[a-z_]+)'/g)].map(([, name = '']) => name),
    ),
  ),
].toSorted()

test('every cookie of a browser that signs in is sent with hostile values too', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  // The name of the cookie of forms may have a number.
  const set = [...browser.cookies.keys()].map(name => name.replace(/^__Host-|_\d+$/g, ''))
  assert.ok(set.length >= 4, `${set}`)
  for (const name of set) assert.ok(cookieNames.includes(name), `${name} is not among ${cookieNames}`)
})

type Row = () => Promise<void>
/** Why others can't write what is read there. */
type Own =
  | 'sealed or signed by this server'
  | 'its own package or process'
  | 'test/migration/every-member.test.ts puts any value at any member'
  | 'test/cli/doctor.test.ts lets the server send any JSON'
  | 'written by this server into its own store'
  | 'test/contracts/archives.test.ts imports origins of other types'

const rows: Readonly<Record<string, Row | Own>> = {
  'authorization-request/request-object.ts': async () => {
    const server = await createTestServer(signerWorld)
    const asked = {
      client_id: 'signer',
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid',
      resource: ['urn:api'],
      claims: { userinfo: { name: null } },
      max_age: 5,
    }
    const authorize = async (request: string, what: string) => {
      const query = new URLSearchParams({
        client_id: 'signer',
        response_type: 'code',
        scope: 'openid',
        request,
      })
      assertAnswered(server, (await send(server, 'GET', `/connect/authorize?${query}`)).status, what)
    }
    for (const { what, jwt } of hostileJwts(header, claims(asked), { stride: 3 })) await authorize(jwt, what)
    for (const { what, jwt } of hostileJwts({ alg: 'none' }, claims(asked), {
      make: unsigned,
      stride: 3,
    }))
      await authorize(jwt, what)
    const form = { client_assertion_type: assertionType, request: jws({ ...header, typ: 5 }, claims(asked)) }
    const pushed = await send(server, 'POST', '/connect/par', {
      form: { ...form, client_assertion: jws(header, claims({})) },
    })
    assertAnswered(server, pushed.status, 'pushed')
  },

  'authorization-request/claims-parameter.ts': async () => {
    const server = await createTestServer(pagesWorld)
    const asked = {
      userinfo: { name: null, email: { essential: true }, sub: { value: '1' } },
      id_token: {
        acr: { essential: true, values: ['1', '2'] },
        auth_time: null,
        picture: { values: [{ a: 1 }] },
      },
    }
    for (const { what, value } of variants(asked)) {
      const page = await createBrowser(server).visit(authorizePath({ claims: JSON.stringify(value) }))
      assertAnswered(server, page.status, what)
    }
  },

  'clients/authentication/private-key-jwt.ts': async () => {
    const server = await createTestServer(signerWorld)
    assert.equal(await authenticate(server, jws(header, claims({})), 'as it should be'), 200)
    for (const { what, jwt } of hostileJwts(header, claims({}), { stride: 3 }))
      await authenticate(server, jwt, what)
  },

  'clients/authentication/workload-identity.ts': async () => {
    const platform = { issuer: 'https://platform.example', subject: 'job', jwks: { keys: [jwk] } }
    const client = {
      client_id: 'signer',
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['client_credentials'],
      scope: 'api1',
      workload_identities: [
        { ...platform, signing_alg: 'PS256' },
        { ...platform, signing_alg: 'ES256' },
      ],
    }
    const server = await createTestServer({ ...world, clients: [...world.clients, client] })
    const ofJob = claims({ iss: platform.issuer, sub: 'job' })
    const named = { client_id: 'signer' }
    assert.equal(await authenticate(server, jws(header, ofJob), 'as it should be', named), 200)
    for (const { what, jwt } of hostileJwts(header, ofJob, { stride: 3 }))
      await authenticate(server, jwt, what, named)
  },

  'clients/keys/signature.ts': async () => {
    const server = await createTestServer(signerWorld)
    for (const { what, jwt } of hostileJwts(
      { ...header, jwk, x5c: ['a'], b64: true, zip: 'DEF' },
      claims({}),
      { stride: 3 },
    ))
      await authenticate(server, jwt, what)
  },

  'proof/dpop-proof.ts': async () => {
    const server = await createTestServer(signerWorld)
    const form = {
      grant_type: 'client_credentials',
      scope: 'api1',
      client_id: 'client',
      client_secret: secret,
    }
    const proof = { jti: '1', htm: 'POST', htu: `${issuer}/connect/token`, iat: 1_790_000_000 }
    const hostile = hostileJwts({ typ: 'dpop+jwt', alg: 'ES256', jwk, crit: undefined }, proof, { stride: 3 })
    for (const { what, jwt: dpop } of hostile) {
      const { status } = await send(server, 'POST', '/connect/token', { form, headers: { dpop } })
      assertAnswered(server, status, what)
    }
  },

  'clients/documents/fetch-document.ts': async () => {
    const registration = { metadata_documents: { mode: 'open' } }
    const server = await createTestServer({ ...signerWorld, registration }, { outbound })
    let count = 0
    for (const { what, value } of variants({ ...metadata, token_endpoint_auth_method: 'none' }, 3)) {
      // Each at its own host, because hosts are asked less often after failures.
      const client_id = `https://client-${count++}.example/c`
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
      pages.set(client_id, { body: JSON.stringify(isObject ? { client_id, ...value } : value) })
      const target = authorizePath({ client_id, redirect_uri: callback, scope: 'openid' })
      assertAnswered(server, (await server.send('GET', target)).status, what)
    }
  },

  'clients/sealed/packed-metadata.ts': async () => {
    const registration = { mode: 'open', sealed_client_ids: { mode: 'accept' } }
    const server = await createTestServer({ ...signerWorld, registration })
    for (const { what, value } of variants({ ...metadata, token_endpoint_auth_method: 'none' }, 3)) {
      const client_id = forgeId(value)
      const target = authorizePath({ client_id, redirect_uri: callback, scope: 'openid' })
      assertAnswered(server, (await server.send('GET', target)).status, what)
    }
    for (const text of ['', 'x', '[]', 'null', '{"redirect_uris":'])
      assert.equal(unpackMetadata(deflateRawSync(text)), undefined, text)
  },

  'identity/federation/provider-keys.ts': async () => {
    for (const { what, value } of variants({ keys: [jwk] })) {
      const body = JSON.stringify(value)
      const keys = createProviderKeys(async () => new Response(body), { now: () => 1_800_000_000 })
      const options = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const
      const isKeySet = Array.isArray((value as { keys?: unknown } | null)?.keys)
      const fetched = keys.fetch(`${provider}/jwks`, options)
      if (isKeySet) assert.equal(await (await fetched).text(), body, what)
      else await assert.rejects(fetched, /is no key set/, what)
    }
  },

  'clients/keys/jwks.ts': async () => {
    const address = 'https://keys.example/jwks'
    const byCertificate = { client_id: 'bound', token_endpoint_auth_method: 'self_signed_tls_client_auth' }
    const encrypted = {
      client_id: 'encrypted',
      client_secrets: [{ value: secret }],
      introspection_encrypted_response_alg: 'ECDH-ES',
    }
    const more = { grant_types: ['client_credentials'], scope: 'api1', jwks_uri: address }
    const server = await createTestServer(
      {
        ...world,
        mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
        clients: [
          {
            ...signerWorld.clients.at(-1),
            jwks: undefined,
            jwks_uri: address,
            grant_types: ['client_credentials'],
          },
          { ...byCertificate, ...more },
          { ...encrypted, ...more },
        ],
      },
      { outbound },
    )
    for (const { what, value } of variants(
      {
        keys: [
          { ...jwk, x5c: [one], 'x5t#S256': 'x' },
          { kty: 'RSA', n: 'AQAB', e: 'AQAB' },
        ],
      },
      3,
    )) {
      server.clock.advance(700)
      pages.set(address, { body: JSON.stringify(value) })
      const jwt = jws(header, claims({ exp: server.clock.now() + 60, iat: server.clock.now() }))
      await authenticate(server, jwt, what)
      const certified = await server.token(
        { grant_type: 'client_credentials', client_id: 'bound' },
        { certificate: one },
      )
      assertAnswered(server, certified.status, what)
      const client = ['encrypted', secret] as const
      const { json } = await server.token({ grant_type: 'client_credentials' }, { client })
      const headers = { ...basic(...client), accept: 'application/token-introspection+jwt' }
      const response = await send(server, 'POST', '/connect/introspect', {
        form: { token: json.access_token },
        headers,
      })
      assertAnswered(server, response.status, what)
    }
  },

  'clients/keys/issuer-metadata.ts': async () => {
    const workload = 'https://workload.example'
    const keys = `${workload}/keys`
    const identity = { issuer: workload, subject: 'signer', signing_alg: 'ES256' }
    const signer = { ...signerWorld.clients.at(-1), jwks: undefined, workload_identities: [identity] }
    const server = await createTestServer({ ...world, clients: [signer] }, { outbound })
    pages.set(keys, { body: JSON.stringify({ keys: [jwk] }) })
    for (const { what, value } of variants({ issuer: workload, jwks_uri: keys })) {
      server.clock.advance(4000)
      pages.set(`${workload}/.well-known/openid-configuration`, { body: JSON.stringify(value) })
      const now = server.clock.now()
      const jwt = jws(header, claims({ iss: workload, sub: 'signer', exp: now + 60, iat: now }))
      await authenticate(server, jwt, what)
    }
  },

  'endpoints/admin/request.ts': async () => {
    const { server, token } = await startAdmin()
    const user = {
      username: 'x',
      email: 'x@app.example',
      claims: { a: { b: ['c'] } },
      groups: ['g'],
      active: true,
    }
    const authorization = `Bearer ${token}`
    for (const { what, value } of variants(user)) {
      const { body, headers } = jsonBody(value)
      const made = { body, headers: { ...headers, authorization } }
      assertAnswered(server, (await send(server, 'POST', '/admin/api/v1/users', made)).status, what)
      const patch = { authorization, 'content-type': 'application/merge-patch+json', 'if-match': '*' }
      const path = '/admin/api/v1/users/u?dry_run=true'
      await send(server, 'PUT', '/admin/api/v1/users/u', {
        body: '{"username":"u"}',
        headers: { ...headers, authorization },
      })
      assertAnswered(
        server,
        (await send(server, 'PATCH', path, { body, headers: patch })).status,
        `patch ${what}`,
      )
    }
  },

  'endpoints/register/information.ts': async () => {
    const server = await createTestServer(signerWorld, { outbound })
    assert.equal((await send(server, 'POST', '/connect/register', jsonBody(metadata))).status, 201)
    for (const { what, value } of variants(metadata, 3))
      assertAnswered(server, (await send(server, 'POST', '/connect/register', jsonBody(value))).status, what)
    for (const { what, value } of variants({
      client_id: 'x',
      client_secret: 'x',
      grant_types: ['authorization_code'],
    })) {
      const made = await send(server, 'POST', '/connect/register', jsonBody(metadata))
      const { client_id, registration_access_token } = JSON.parse(made.body)
      const sent = jsonBody(typeof value === 'object' && value !== null ? { client_id, ...value } : value)
      const authorization = { authorization: `Bearer ${registration_access_token}` }
      const headers = { ...sent.headers, ...authorization }
      const answer = await send(server, 'PUT', `/connect/register/${client_id}`, { ...sent, headers })
      assertAnswered(server, answer.status, `update ${what}`)
    }
  },

  'clients/registration/software-statement.ts': async () => {
    const server = await createTestServer(signerWorld, { outbound })
    const statement = { ...metadata, iss: 'https://trust.example', aud: issuer, exp: 1_790_000_060 }
    const stated = jsonBody({ software_statement: jws(header, statement) })
    assert.equal((await send(server, 'POST', '/connect/register', stated)).status, 201)
    for (const { what, jwt } of hostileJwts(header, statement, { stride: 3 })) {
      const answer = await send(server, 'POST', '/connect/register', jsonBody({ software_statement: jwt }))
      assertAnswered(server, answer.status, what)
    }
  },

  'clients/registration/stated-metadata.ts': async () => {
    const statement = { client_name: 'App', redirect_uris: [callback], iss: 'https://trust.example' }
    for (const { what, value } of variants(statement))
      assert.ok(storedNames(unsigned(header, value)) instanceof Set || !isObject(value), what)
    for (const damaged of [undefined, null, 1, {}, [], '', '.', 'a.b.c', 'a..c', unsigned(header, null)])
      assert.equal(storedNames(damaged), undefined, JSON.stringify(damaged))
  },

  'clients/registration/sector-identifier.ts': async () => {
    const address = 'https://sector.example/list'
    const server = await createTestServer(signerWorld, { outbound })
    for (const { what, value } of variants([callback, 'https://two.example/cb'])) {
      pages.set(address, { body: JSON.stringify(value) })
      const sent = { ...metadata, subject_type: 'pairwise', sector_identifier_uri: address }
      assertAnswered(server, (await send(server, 'POST', '/connect/register', jsonBody(sent))).status, what)
    }
  },

  'endpoints/token/grants/jwt-bearer.ts': async () => {
    const server = await createTestServer(signerWorld)
    const assertion = { ...claims({}), iss: 'https://partner.example', sub: '88421113' }
    const bear = async (jwt: string): Promise<number> => {
      const form = { grant_type: bearerGrant, assertion: jwt, client_assertion_type: assertionType }
      const client_assertion = jws(header, claims({}))
      return (await send(server, 'POST', '/connect/token', { form: { ...form, client_assertion } })).status
    }
    assert.equal(await bear(jws(header, assertion)), 200)
    for (const { what, jwt } of hostileJwts(header, assertion, { stride: 3 })) {
      assertAnswered(server, await bear(jwt), what)
    }
  },

  'identity/federation/upstream-logout-token.ts': async () => {
    const { server } = await openProvider()
    const now = Math.floor(Date.now() / 1000)
    const token = {
      iss: provider,
      aud: 'tessera',
      iat: now,
      exp: now + 60,
      jti: 'j',
      sid: 's',
      sub: 'u',
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    }
    const notify = (logout_token: string) =>
      send(server, 'POST', '/federation/backchannel-logout/corp', { form: { logout_token } })
    assert.equal((await notify(jws(header, token))).status, 200)
    for (const { what, jwt } of hostileJwts({ ...header, typ: 'logout+jwt' }, token, { stride: 3 })) {
      assertAnswered(server, (await notify(jwt)).status, what)
    }
  },

  'identity/federation/provider-discovery.ts': async () => {
    const { server } = await openProvider()
    assert.match(
      String(await signInThere(server, 'as it should be', {})),
      /^https:\/\/app\.example\/cb\?code=/,
    )
    for (const { what, value } of variants(discovery, 7))
      await signInThere(server, `discovery ${what}`, { discovery: value })
    for (const { what, value } of variants({ keys: [jwk] }, 7))
      await signInThere(server, `keys ${what}`, { jwks: value })
  },

  'identity/federation/upstream.ts': async () => {
    const { server } = await openProvider()
    for (const { what, value } of variants(
      { access_token: 'a', token_type: 'Bearer', expires_in: 60, scope: 'openid' },
      7,
    ))
      await signInThere(server, `token response ${what}`, { response: value })
    for (const { what, value } of variants(
      { sub: 'u', name: 'U', email: 'u@corp.example', address: { locality: 'x' } },
      7,
    ))
      await signInThere(server, `userinfo ${what}`, { userinfo: value })
    const idToken = {
      ...{
        auth_time: 1,
        acr: '1',
        amr: ['pwd'],
        sid: 's',
        email: 'u@corp.example',
        email_verified: true,
        azp: 'tessera',
      },
    }
    for (const { what, value } of variants(idToken, 7))
      await signInThere(server, `ID token ${what}`, { idToken: value })
    for (const { what, value } of variants({ error: 'invalid_grant', error_description: 'no' }, 7))
      await signInThere(server, `token error ${what}`, { error: value })
  },

  'identity/passkeys.ts': async () => {
    const server = await createTestServer({ ...pagesWorld, mfa: { mode: 'required' } })
    const browser = createBrowser(server)
    const asked = await browser.visit(methodHref(await signIn(browser, authorizePath()), 'passkey'))
    const key = createAuthenticator(issuer)
    const credential = key.create(optionsOn(asked))
    for (const { what, value } of variants(JSON.parse(credential), 3)) {
      const sent = { credential: JSON.stringify(value), name: 'k', button: 'passkey_enrol' }
      const answer = await browser.submit(asked, sent)
      assertAnswered(server, answer.status, what)
      // A page that refused it asks again; one that accepted it, as it may, ends this part.
      if (answer.status === 200) break
    }
    const login = await createBrowser(server).visit(authorizePath())
    const shown = JSON.parse(key.get(optionsOn(login)))
    for (const { what, value } of variants(shown, 3)) {
      const browser = createBrowser(server)
      const page = await browser.visit(authorizePath())
      assertAnswered(
        server,
        (await browser.submit(page, { credential: JSON.stringify(value), button: 'passkey' })).status,
        what,
      )
    }
  },

  'identity/passkey-verification.ts': async () => {
    const { passkeyThread } = await import('../../packages/server/src/identity/passkey-thread.ts')
    const expected = {
      expectedChallenge: 'c',
      expectedOrigin: 'https://a.example',
      expectedRPID: 'a.example',
    }
    const credential = { id: 'a', publicKey: new Uint8Array(), counter: 0 }
    const strings = { clientDataJSON: '', attestationObject: '', authenticatorData: '', signature: '' }
    const sent = { id: 'YQ', rawId: 'YQ', type: 'public-key', response: strings, clientExtensionResults: {} }
    const texts = [...variants(sent)].map(({ value }) => JSON.stringify(value))
    const deep = `{"id":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
    for (const response of [...texts, deep, '', '{']) {
      assert.equal(
        await passkeyThread.registration({ ...expected, response }, '192.0.2.1'),
        undefined,
        response.slice(0, 200),
      )
      assert.equal(
        await passkeyThread.authentication({ ...expected, credential, response }, '192.0.2.1'),
        undefined,
      )
    }
  },

  'tokens/jwt.ts': async () => {
    const server = await createTestServer(world)
    const user = { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid api1' }
    const { json } = await server.token(user, { client: ['roclient', secret] })
    const own = claimsOf(json.access_token)
    const ownHeader = JSON.parse(Buffer.from(json.access_token.split('.')[0], 'base64url').toString())
    for (const { what, jwt } of hostileJwts(ownHeader, own, { stride: 3 })) {
      const headers = { authorization: `Bearer ${jwt}` }
      assertAnswered(server, (await send(server, 'GET', '/connect/userinfo', { headers })).status, what)
      const introspected = await send(server, 'POST', '/connect/introspect', {
        form: { token: jwt },
        headers: basic('roclient', secret),
      })
      assertAnswered(server, introspected.status, what)
      const out = await send(
        server,
        'GET',
        `/connect/endsession?${new URLSearchParams({ id_token_hint: jwt })}`,
      )
      assertAnswered(server, out.status, what)
      const hinted = await send(
        server,
        'GET',
        `/connect/authorize?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: 'https://app.example/cb', scope: 'openid', id_token_hint: jwt })}`,
      )
      assertAnswered(server, hinted.status, what)
    }
  },

  'keys/decryption-key.ts': async () => {
    const server = await createTestServer(signerWorld)
    const sealedHeader = {
      alg: 'ECDH-ES',
      enc: 'A128CBC-HS256',
      cty: 'JWT',
      kid: 'k',
      epk: { kty: 'EC', crv: 'P-256', x: jwk.x, y: jwk.y },
      apu: 'a',
      apv: 'a',
    }
    for (const { what, value } of variants(sealedHeader)) {
      const request = `${encoded(value)}..AAAA.AAAA.AAAA`
      const query = new URLSearchParams({
        client_id: 'signer',
        response_type: 'code',
        scope: 'openid',
        request,
      })
      assertAnswered(server, (await send(server, 'GET', `/connect/authorize?${query}`)).status, what)
    }
  },

  'pages/flow/seal.ts': async () => {
    const server = await createTestServer(pagesWorld)
    for (const text of [
      ...hostileTexts.map(text => Buffer.from(text).toString('base64url')),
      'a.b',
      '.',
      'a.b.c',
      '%00',
    ]) {
      for (const value of [text, `${text}.${text}`]) {
        const target = `/login?${new URLSearchParams({ continue: value })}`
        assertAnswered(server, (await send(server, 'GET', target)).status, value)
        const cookie = cookieNames.map(name => `__Host-${name}=${value}`).join('; ')
        assertAnswered(server, (await send(server, 'GET', '/account', { headers: { cookie } })).status, value)
        assertAnswered(
          server,
          (await send(server, 'GET', authorizePath(), { headers: { cookie } })).status,
          value,
        )
      }
    }
  },

  // The reader authenticates first: other texts are refused there, and so are our texts for another purpose.
  'pages/flow/packed-request.ts': async () => {
    const server = await createTestServer(pagesWorld)
    const { headers } = await send(server, 'GET', authorizePath())
    const own = new URLSearchParams(String(headers.location).split('?')[1]).get('continue') ?? ''
    assert.match(own, /\.p$/)
    const hostile = hostileTexts.map(text => Buffer.from(text).toString('base64url'))
    for (const value of [
      ...hostile.map(text => `${text}.${text}.p`),
      ...hostile.map(text => `${text}${own.slice(own.indexOf('.'))}`),
      ...[own.replace(/\.p$/, ''), `${own}.p`, own.replace(/\.p$/, '.q'), own.toUpperCase()],
    ]) {
      const target = `/login?${new URLSearchParams({ continue: value })}`
      const { status } = await send(server, 'GET', target)
      assertAnswered(server, status, value)
      assert.equal(status, 400, value)
    }
  },

  'keys/jwk-file.ts': async () => {
    for (const { what, value } of [...variants({ keys: [jwk] }), ...variants(jwk)])
      try {
        readJwks(JSON.stringify(value))
      } catch (error) {
        assert.equal((error as Error).constructor, Error, `${what}: ${error}`)
      }
  },

  'operations/explain/log-line.ts': async () => {
    const line = {
      ...{
        event: 'refused',
        level: 'info',
        time: '2026-11-30T10:00:00Z',
        request_id: 'r',
        endpoint: 'token',
      },
      ...{ steps: ['parse'], reason: 'code_missing', expected: ['a'], received: 'b', client_id: 'web' },
    }
    for (const { what, value } of variants(line)) {
      const parsed = parseLogLine(JSON.stringify(value))
      const stories = storiesOf(parsed ? [parsed] : [], () => ({}))
      assert.equal(stories.map(storyText).length, parsed ? 1 : 0, what)
    }
  },

  async 'storage/tables/json-columns.ts'() {
    const table = { name: 'stored_users', columns: { sub: 'text', claims: 'text' } } as const
    for (const text of [...hostileTexts, '{no', '']) {
      const isObject = text.startsWith('{') && text !== '{no'
      assert.equal(rowError(table, ['kim', text]) === undefined, isObject, text)
    }
    // SQLite reads 1,000 levels, where it parses a column.
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    const clients = { name: 'registered_clients', columns: { client_id: 'text', metadata: 'text' } } as const
    assert.equal(rowError(clients, ['kim', deep(500)]), undefined)
    assert.match(rowError(clients, ['kim', deep(501)]) ?? '', /metadata: it has more than 500 levels/)
    assert.equal(rowError(table, ['kim', deep(501)]), undefined)
    const passkeys = {
      name: 'passkeys',
      columns: { id: 'text', transports: 'text', backed_up: 'text' },
    } as const
    assert.equal(rowError(passkeys, ['a', '["usb"]', 'true']), undefined)
    assert.match(
      rowError(passkeys, ['a', '["usb"]', '"true"']) ?? '',
      /backed_up: it is neither true nor false/,
    )
    assert.match(rowError(passkeys, ['a', '[1]', 'true']) ?? '', /transports: it is not a list of texts/)
  },

  'storage/transfer/format.ts': async () => {
    const lines = [
      { tessera_export: 1, created_at: 1, master_key_check: null },
      { tenant: null, table: 'codes', columns: { hash: 'text', at: 'integer', key: 'bytes' } },
      ['a', 1, 'AA'],
      { rows: 1, sha256: 'x' },
      { total: 1, sha256: 'x' },
    ]
    const table = { name: 'codes', columns: { hash: 'text', at: 'integer', key: 'bytes' } } as const
    for (const { what, value } of lines.flatMap(line => [...variants(line)])) {
      assert.doesNotThrow(() => {
        try {
          const line = parseLine(JSON.stringify(value))
          if (Array.isArray(line)) decodeRow(line, table)
          else for (const is of [isHeader, isOpening, isClosing, isTotal]) is(line)
        } catch (error) {
          if ((error as Error).constructor.name !== 'MalformedExport') throw error
        }
      }, what)
    }
  },

  async 'runtime/password-hash/exported.ts'() {
    const credential = {
      type: 'password',
      secretData: JSON.stringify({ value: 'aGFzaA==', salt: 'c2FsdA==', additionalParameters: {} }),
      credentialData: JSON.stringify({ hashIterations: 5, algorithm: 'argon2' }),
    }
    const data = {
      hashIterations: 5,
      algorithm: 'argon2',
      additionalParameters: { type: ['id'], version: ['1.3'], memory: ['7168'], parallelism: ['1'] },
    }
    for (const { value } of variants(credential))
      assert.equal(typeof importedPasswordHash(JSON.stringify(value)), 'string')
    for (const { value } of variants(data)) {
      const text = JSON.stringify({ ...credential, credentialData: JSON.stringify(value) })
      assert.equal(typeof importedPasswordHash(text), 'string')
      const nested = JSON.stringify({ ...credential, credentialData: value })
      assert.equal(typeof importedPasswordHash(nested), 'string')
    }
  },
  // Read from a variable or a file of the operator, then checked like the rest of the configuration.
  'configuration/validation/secret.ts': 'its own package or process',
  'identity/totp.ts': 'sealed or signed by this server',
  'operations/mail/mail-queue.ts': 'sealed or signed by this server',
  'identity/person-attribution.ts': 'sealed or signed by this server',
  'storage/postgres/persons.ts': 'written by this server into its own store',
  async 'keys/root-key-set.ts'() {
    const stored = { newest: 1, newest_from: 1, wraps: [{ master: 'sha256:x', key: 'AA' }], sealed: 'AA' }
    const key = async () => new Uint8Array(32)
    const open = (text: string) =>
      openRootKeys(text, [{ id: 'sha256:x', wrap: key, unwrap: key } as unknown as MasterKey])
    const texts = [...variants(stored)].map(({ value }) => JSON.stringify(value))
    for (const text of [...texts, '{no', ''])
      for (const read of [mastersOf, newestVersionOf, newestFromOf, open])
        try {
          await read(text)
        } catch (error) {
          assert.ok(error instanceof MasterKeyError, `${text}: ${error}`)
        }
  },
  'operations/events/callbacks.ts': 'written by this server into its own store',
  'keys/signing-key.ts': 'sealed or signed by this server',
  'storage/postgres/archive.ts': 'test/contracts/archives.test.ts imports origins of other types',
  'endpoints/jwks/jwks.ts': 'its own package or process',
  'testing/altered-token.ts': 'sealed or signed by this server',
  'operations/passed-time.ts': 'written by this server into its own store',
  'migration/source-file.ts': 'test/migration/every-member.test.ts puts any value at any member',
  'migration/identityserver/secrets.ts': 'test/migration/every-member.test.ts puts any value at any member',
  'migration/identityserver/users.ts': 'test/migration/every-member.test.ts puts any value at any member',
  'migration/keycloak/authentication.ts': 'test/migration/every-member.test.ts puts any value at any member',
  'migration/keycloak/credentials.ts': 'test/migration/every-member.test.ts puts any value at any member',
  'migration/keycloak/mappers.ts': 'test/migration/every-member.test.ts puts any value at any member',
  'cli/doctor/server-checks.ts': 'test/cli/doctor.test.ts lets the server send any JSON',
  async 'cli/json-input.ts'() {
    const { administration } = await createTestServer({ api_scopes: [{ name: 'api1' }] })
    const entries = {
      clients: {
        client_id: 'made',
        client_secrets: [{ value: 'top secret', expires_at: '2030-01-01T00:00:00Z' }],
        redirect_uris: ['https://app.example/cb'],
        scope: 'api1',
        claims: [{ type: 'tier', value: 'gold' }],
      },
      api_resources: { name: 'urn:api', scopes: ['api1'], api_secrets: [{ sha256: { hidden: 'x' } }] },
      identity_providers: { name: 'corp', type: 'oidc', client_secret: 'secret', client_jwk: { kty: 'EC' } },
      tenants: { name: 'acme', issuer: 'path', clients: [], branding: { logo: 'https://a.example/a.png' } },
    } as const
    for (const [kind, entry] of Object.entries(entries))
      for (const { value, what } of variants(entry)) {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
        const made = await administration[kind as keyof typeof entries].create(value as never, {
          actor: 'tester',
          dryRun: true,
        })
        assert.ok(made.ok || made.problem === 'entry_invalid', what)
      }
    await userRecords()
  },
  async 'cli/audit.ts'() {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-audit-'))
    const [file, key] = [join(folder, 'audit.ndjson'), join(folder, 'key.json')]
    try {
      const line = { record: auditRecord, personal: { salt: 's', sub: 'u' }, signature: 'AA' }
      await writeFile(key, JSON.stringify(auditJwk))
      // `verifyAuditLog` itself gets every variant in its own row.
      for (const { what, value } of variants(line, 5)) {
        await writeFile(file, JSON.stringify(value))
        const { code, stderr } = await tessera(['audit', 'verify', file, '--key', key])
        assert.equal(code, 1, what)
        assert.match(stderr, /is no record|is not intact/, what)
      }
      for (const { what, value } of variants(auditJwk, 5)) {
        await writeFile(key, JSON.stringify(value))
        const { code, stderr } = await tessera(['audit', 'verify', file, '--key', key])
        assert.equal(code, 1, what)
        assert.match(stderr, /expected a JWK|is no record|is not intact/, what)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
  'endpoints/admin/audit.ts': auditRows,
  'operations/audit/verification.ts': auditRows,
  'operations/audit/waiting.ts': 'sealed or signed by this server',
  'cli/worker.ts': 'its own package or process',
  'cli/users.ts': 'its own package or process',
  'cli/program.ts': 'its own package or process',
  'operations/metrics/process.ts': 'its own package or process',
}

async function userRecords(): Promise<void> {
  const parsed = parseConfiguration({ storage: 'memory:', accounts: {}, clients: [] })
  assert.ok(parsed.ok)
  const { add, records, close } = await openUsers(parsed.configuration, parsed.configuration)
  try {
    const added = await add({ username: 'dora', sub: '7', email: 'd@a.example', roles: ['staff'] })
    assert.ok(added.ok)
    const shown = await records.show('7')
    for (const { value, what } of variants({ ...shown, claims: { address: { locality: 'Bern' } } })) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
      const set = await records.set('7', value as never, { dryRun: true })
      assert.ok(set.ok || /^(record_invalid|account_outdated|username_malformed)$/.test(set.problem), what)
    }
    assert.deepEqual(await records.show('7'), shown)
  } finally {
    await close()
  }
}

async function authenticate(
  server: TestServer,
  client_assertion: string,
  what: string,
  more: { readonly client_id?: string } = {},
): Promise<number> {
  const form = {
    ...{ grant_type: 'client_credentials', client_assertion_type: assertionType, client_assertion },
    ...more,
  }
  const { status } = await send(server, 'POST', '/connect/token', { form })
  assertAnswered(server, status, what)
  return status
}

const auditJwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
const auditRecord = {
  ...{ seq: 1, previous: null, id: 'aud_1', time: '2026-11-30T10:00:00Z', issuer, type: 'user.created' },
  ...{ actor: { kind: 'client', client_id: 'web' }, data: { version: 1 }, personal: 'hash' },
}

const provider = 'https://corp.example'
const discovery = {
  issuer: provider,
  authorization_endpoint: `${provider}/authorize`,
  token_endpoint: `${provider}/token`,
  jwks_uri: `${provider}/jwks`,
  userinfo_endpoint: `${provider}/userinfo`,
  end_session_endpoint: `${provider}/logout`,
  response_types_supported: ['code'],
  id_token_signing_alg_values_supported: ['ES256'],
  authorization_response_iss_parameter_supported: false,
}

async function openProvider(): Promise<{ server: TestServer }> {
  pages.set(`${provider}/.well-known/openid-configuration`, { body: JSON.stringify(discovery) })
  pages.set(`${provider}/jwks`, { body: JSON.stringify({ keys: [jwk] }) })
  const corp = {
    name: 'corp',
    type: 'oidc',
    issuer: provider,
    client_id: 'tessera',
    client_secret: 's',
    id_token_signed_response_alg: 'ES256',
    userinfo: true,
    trust_amr: true,
  }
  const world = {
    ...pagesWorld,
    identity_providers: [corp],
    clients: pagesWorld.clients.filter(({ client_id }) => client_id === 'web'),
  }
  return { server: await createTestServer(world, { outbound, at: Math.floor(Date.now() / 1000) }) }
}

type Said = {
  discovery?: unknown
  jwks?: unknown
  response?: unknown
  userinfo?: unknown
  idToken?: unknown
  error?: unknown
}

/** Signs in at the provider, which returns these claims. */
async function signInThere(server: TestServer, what: string, said: Said): Promise<string | undefined> {
  server.clock.advance(601)
  const put = (path: string, value: unknown, status = 200) =>
    pages.set(provider + path, { status, body: JSON.stringify(value) })
  put('/.well-known/openid-configuration', 'discovery' in said ? said.discovery : discovery)
  put('/jwks', 'jwks' in said ? said.jwks : { keys: [jwk] })
  put('/userinfo', 'userinfo' in said ? said.userinfo : { sub: 'u', name: 'U' })
  const browser = createBrowser(server)
  const away = await browser.visit(authorizePath({ acr_values: 'idp:corp' }))
  assertAnswered(server, away.status, what)
  if (away.location === undefined || !URL.canParse(away.location)) return undefined
  const asked = new URL(away.location).searchParams
  const now = server.clock.now()
  const more = 'idToken' in said ? said.idToken : {}
  const id_token = jws(header, {
    iss: provider,
    aud: 'tessera',
    sub: 'u',
    iat: now,
    exp: now + 600,
    nonce: asked.get('nonce'),
    ...(more as object),
  })
  const response = 'response' in said ? said.response : { access_token: 'a', token_type: 'Bearer' }
  if ('error' in said) put('/token', said.error, 400)
  else put('/token', isObject(response) ? { id_token, ...response } : response)
  const back = new URLSearchParams({ code: 'c', state: asked.get('state') ?? '' })
  const { status, location } = await browser.visit(`/federation/callback/corp?${back}`)
  assertAnswered(server, status, what)
  return location
}

async function auditRows(): Promise<void> {
  // Somebody with access to the database can change rows of the audit log.
  const signature = 'AA'
  const personal = { salt: 's', sub: 'u', changes: { name: ['a', 'b'] } }
  const texts = [...variants(auditRecord), ...variants(personal)].map(({ value }) => JSON.stringify(value))
  for (const text of [...texts, '', '{']) {
    const row = { seq: 1, at: 1, type: 'x', sub: 'u', record: text, personal: text, signature }
    const handlers = createAuditHandlers({
      auditRecords: { list: async () => [row] },
      cursors: { read: () => '0', write: () => 'next' },
    })
    for (const query of [{}, { client_id: 'web' }]) {
      const listed = await handlers.listAuditRecords({ query, operation: 'listAuditRecords' } as never)
      assert.ok(listed.ok, text)
    }
  }
  for (const { what, value } of variants(auditRecord)) {
    const row = { seq: 1, at: 1, type: 'x', record: JSON.stringify(value), signature: 'AA' }
    const { fault } = await verifyAuditLog([row], { publicKey: auditJwk })
    assert.match(String(fault?.problem), /signature/, what)
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const reads =
  /\bJSON\.parse\(|\b(?:parse(?:Json|Strangers)Object|decodeJwt|jwtVerify|decodeProtectedHeader|compactDecrypt)\(|import\('openid-client'\)/
const comments = /^\s*(?:\/\/.*|\/?\*.*)$/gm

test('every reader of JSON that others wrote has a row here', () => {
  const readers = [...textsOf('packages/{protocol,server,create-tessera}/src/**/*.ts')]
    // Its callers have rows.
    .filter(([path]) => !path.endsWith('packages/protocol/src/json.ts'))
    .filter(([, text]) => reads.test(text.replace(comments, '')))
    .map(([path]) => path.replace(/^.*packages\/server\/src\//, ''))
  assertCovers(Object.keys(rows), readers, 'reader of JSON')
})

for (const [file, row] of Object.entries(rows))
  if (typeof row === 'function') test(`any JSON value at any member is refused or valid: ${file}`, row)

test('any JSON value at any member of client metadata is refused or valid', async () => {
  const server = await createTestServer(signerWorld, { outbound })
  await fc.assert(
    fc.asyncProperty(anyVariant(metadata), async value => {
      assertAnswered(
        server,
        (await send(server, 'POST', '/connect/register', jsonBody(value))).status,
        JSON.stringify(value),
      )
    }),
    { numRuns: 100 },
  )
})

test('a registered client that can no longer be parsed is unknown, and the reason is logged', async () => {
  const server = await createTestServer(signerWorld, { outbound })
  let count = 0
  for (const { what, value } of variants({
    redirect_uris: [callback],
    grant_types: ['authorization_code'],
    jwks: { keys: [jwk] },
  })) {
    if (!isObject(value)) continue
    const client_id = `dc_${createHash('sha256').update(String(++count)).digest('base64url').slice(0, 22)}`
    const row = {
      client_id,
      version: 1,
      created_at: 1,
      metadata: value as never,
      registration_token_hash: 'x' as TokenHash,
    }
    if (!(await server.stores.registeredClients.add(row, 100_000))) continue
    const query = new URLSearchParams({
      client_id,
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid',
    })
    assertAnswered(server, (await send(server, 'GET', `/connect/authorize?${query}`)).status, what)
  }
})
