/**
 * Certificate-bound tokens (RFC 8705 §3, §3.4, §4) with each client authentication method, at each endpoint, through TLS
 * proxies that pass on the certificates of real handshakes.
 */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { adminScopes } from '../../packages/server/src/model/admin-api.ts'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { createProver } from '../support/dpop.ts'
import { approveDevice, challenge, issueCode, verifier } from '../support/issue-code.ts'
import {
  certificates,
  chain,
  clientNames,
  device,
  exchange,
  isByCertificate,
  jwtBearer,
  ownOf,
  partnerAssertion,
  type Question,
  type Reply,
  startMtlsWorld,
  userGrants,
} from '../support/mtls-world.ts'
import { assertRefused } from '../support/refused.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const { server, alias, ask, askAs, askDirectly, close } = await startMtlsWorld()
after(close)
const { own, renewed, other, self, second } = certificates
const apiSecret = { client_id: 'urn:api', client_secret: 'api-secret' }

const token = (client: string, form: object, question: Question = {}): Promise<Reply> =>
  askAs(client, '/connect/token', { certificate: ownOf(client), ...question, form: { ...form } })

const password = {
  grant_type: 'password',
  username: 'bob',
  password: 'bob',
  scope: 'openid api1 offline_access',
}

/** The tokens of a user, bound to the certificate of the client. */
async function tokensOf(client: string, question: Question = {}): Promise<Record<string, string>> {
  const { status, json } = await token(client, password, question)
  assert.equal(status, 200, JSON.stringify(json))
  return json
}

/** The binding of an access token, as an API sees it by introspection and, of a JWT, in its claims. */
async function cnfOf(value: string): Promise<unknown> {
  const { json } = await ask('/connect/introspect', { form: { token: value, ...apiSecret } })
  assert.deepEqual([json.active, json.token_type], [true, 'Bearer'])
  if (!value.startsWith('ta_')) assert.deepEqual(claimsOf(value).cnf, json.cnf)
  return json.cnf
}

/** The refusals of a client without its certificate, and with another one. */
const withoutIt = (client: string): [error: string, reason: string] =>
  isByCertificate(client)
    ? ['invalid_client', 'client_certificate_missing']
    : ['invalid_request', 'binding_certificate_missing']
const withAnother = (client: string): string =>
  client === 'self' ? 'client_certificate_not_registered' : 'client_certificate_of_another_subject'

async function approvedDevice(client: string): Promise<string> {
  const { json } = await askAs(client, '/connect/deviceauthorization', {
    ...{ form: { scope: 'openid api1' }, certificate: ownOf(client) },
  })
  const found = await server.stores.devices.find(hashHandle(json.device_code))
  const approved = { client_id: client, scope: ['api1', 'openid'] }
  assert.ok(found && (await approveDevice(server, found.device.user_code_hash, approved)))
  return json.device_code
}

/** The form for each grant. */
const grants: Readonly<Record<string, (client: string) => Promise<object>>> = {
  authorization_code: async client_id => ({
    ...{ redirect_uri: 'https://app.example/cb', code_verifier: verifier },
    code: await issueCode(server, { client_id, scope: ['api1', 'offline_access', 'openid'] }),
  }),
  client_credentials: async () => ({ scope: 'api1' }),
  password: async () => password,
  [device]: async client => ({ device_code: await approvedDevice(client) }),
  [exchange]: async client => ({
    subject_token: (await tokensOf(client)).access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  }),
  [jwtBearer]: async () => ({ scope: 'api1', assertion: await partnerAssertion() }),
  refresh_token: async client => ({ refresh_token: (await tokensOf(client)).refresh_token }),
}
const ofPublic = new Set(['authorization_code', 'password', 'refresh_token', device])

for (const client of clientNames)
  for (const [grant_type, formOf] of Object.entries(grants)) {
    if (client === 'none' && !ofPublic.has(grant_type)) continue
    test(`token: ${grant_type} binds the tokens of ${client} to the certificate of its connection, and requires one [RFC 8705 §3]`, async () => {
      const form = { grant_type, ...(await formOf(client)) }
      assertRefused(await token(client, form, { certificate: undefined }), ...withoutIt(client))
      if (isByCertificate(client)) {
        const stolen = await token(client, form, { certificate: other })
        assertRefused(stolen, 'invalid_client', withAnother(client))
      }
      const { status, json } = await token(client, form)
      assert.equal(status, 200, JSON.stringify(json))
      assert.equal(json.token_type, 'Bearer')
      assert.deepEqual(await cnfOf(json.access_token), ownOf(client).cnf)
    })
  }

const pushed = {
  ...{ response_type: 'code', redirect_uri: 'https://app.example/cb', scope: 'openid' },
  ...{ code_challenge: challenge, code_challenge_method: 'S256' },
}

/** Every other endpoint at which clients authenticate, and its form. */
const endpoints: Readonly<Record<string, (client: string) => Promise<object>>> = {
  '/connect/introspect': async client => ({ token: (await tokensOf(client)).access_token }),
  '/connect/revocation': async client => ({ token: (await tokensOf(client)).refresh_token }),
  '/connect/par': async () => pushed,
  '/connect/deviceauthorization': async () => ({ scope: 'api1' }),
}

for (const client of clientNames)
  for (const [path, formOf] of Object.entries(endpoints))
    test(`${path}: ${client} needs its certificate only if that authenticates it [RFC 8705 §2]`, async () => {
      const form = { ...(await formOf(client)) }
      if (client === 'none' && path === '/connect/introspect')
        return assertRefused(
          await askAs(client, path, { form, certificate: own }),
          'invalid_client',
          'public_client_introspects',
        )
      for (const certificate of [undefined, other]) {
        const answer = await askAs(client, path, { form, certificate })
        const reason = certificate ? withAnother(client) : 'client_certificate_missing'
        if (isByCertificate(client)) assertRefused(answer, 'invalid_client', reason)
        else assert.ok([200, 201].includes(answer.status), JSON.stringify(answer.json))
      }
      const { status, json } = await askAs(client, path, { form, certificate: ownOf(client) })
      assert.ok([200, 201].includes(status), JSON.stringify(json))
    })

const bearer = (value = '') => ({ authorization: `Bearer ${value}` })

for (const client of clientNames)
  test(`userinfo: a bound token of ${client} needs its certificate, however it is sent [RFC 8705 §3]`, async () => {
    const { access_token } = await tokensOf(client)
    const prover = await createProver()
    for (const question of [
      { headers: bearer(access_token) },
      { headers: bearer(access_token), form: {} },
      { form: { access_token } },
    ] satisfies Question[]) {
      const userinfo = (certificate?: Question['certificate']) =>
        ask('/connect/userinfo', { ...question, certificate })
      assert.equal((await userinfo(ownOf(client))).json.sub, '88421113')
      assert.equal((await userinfo(renewed)).reason, 'token_bound_to_another_certificate')
      assert.equal((await userinfo()).reason, 'token_certificate_missing')
    }
    const headers = prover.headers(access_token ?? '')
    const asDpop = await ask('/connect/userinfo', { headers, certificate: ownOf(client) })
    assert.deepEqual([asDpop.status, asDpop.reason], [401, 'bearer_token_as_dpop'])
  })

test('userinfo: the certificate of a direct connection counts for nothing, in any form of the header', async () => {
  const { access_token = '' } = await tokensOf('basic')
  const { der } = own
  for (const value of [`:${der}:`, der, encodeURIComponent(own.cert)]) {
    const headers = { ...bearer(access_token), 'client-cert': value }
    assert.equal((await askDirectly('/connect/userinfo', headers)).reason, 'token_certificate_missing')
    const made = await ask('/connect/userinfo', { headers })
    assert.equal(made.reason, 'token_certificate_missing', 'a proxy replaces the header')
    const beside = await ask('/connect/userinfo', { headers, certificate: other })
    assert.equal(beside.reason, 'token_bound_to_another_certificate')
  }
})

test('proxies: a certificate is the same in each form of the header, with and without its chain', async () => {
  const { access_token = '' } = await tokensOf('basic', { certificate: chain })
  assert.deepEqual(await cnfOf(access_token), certificates.below.cnf)
  for (const proxy of ['unverified', 'verified', 'nginx', 'traefik'] as const)
    for (const certificate of [chain, certificates.below]) {
      // Without its chain, the CA did not verifiably issue it.
      if (proxy === 'verified' && certificate !== chain) continue
      const headers = bearer(access_token)
      assert.equal((await ask('/connect/userinfo', { headers, certificate, proxy })).status, 200, proxy)
    }
})

test('proxies: one that verifies the chain ends the connection of any other certificate', async () => {
  const form = { grant_type: 'client_credentials', scope: 'api1' }
  assert.equal((await token('subject', form, { proxy: 'verified' })).status, 200)
  for (const certificate of [self, certificates.lapsed, certificates.below])
    await assert.rejects(
      token('subject', form, { proxy: 'verified', certificate }),
      /alert|ECONNRESET|hang up/,
    )
})

test('exchange: subject and actor tokens need their certificates, and a token of two certificates is not to be had [RFC 8705 §3]', async () => {
  const subject = (await tokensOf('basic')).access_token
  const actor = (await tokensOf('self')).access_token
  const type = 'urn:ietf:params:oauth:token-type:access_token'
  const form = { grant_type: exchange, subject_token: subject, subject_token_type: type }
  const stolen = await token('post', form, { certificate: other })
  assertRefused(stolen, 'invalid_request', 'subject_token_bound_to_another_key')
  const both = { ...form, actor_token: actor, actor_token_type: type }
  assertRefused(await token('post', both), 'invalid_request', 'actor_token_bound_to_another_key')
  const passedOn = await token('post', { ...both, actor_token: subject })
  assert.equal(passedOn.status, 200)
  assert.deepEqual(await cnfOf(passedOn.json.access_token), own.cnf)
})

test('refresh: a public client refreshes only with the certificate of its family, also after a lost response [RFC 8705 §4]', async () => {
  const { refresh_token = '' } = await tokensOf('none')
  const refresh = (certificate?: Question['certificate']) =>
    token('none', { grant_type: 'refresh_token', refresh_token }, { certificate })
  const refused = async () => {
    const reason = 'refresh_token_bound_to_another_key'
    assertRefused(await refresh(renewed), 'invalid_grant', reason)
    assertRefused(await refresh(), 'invalid_request', 'binding_certificate_missing')
  }
  await refused()
  const first = await refresh(own)
  // The response was lost: the same token is sent again.
  await refused()
  const again = await refresh(own)
  assert.deepEqual([first.status, again.status], [200, 200])
  for (const { json } of [first, again]) assert.deepEqual(await cnfOf(json.access_token), own.cnf)
})

for (const client of clientNames.filter(name => name !== 'none'))
  test(`refresh: ${client} may renew its certificate, also between a lost response and its retry [RFC 8705 §6.3, §7.1]`, async () => {
    const { refresh_token } = await tokensOf(client)
    const next = client === 'self' ? second : renewed
    for (const certificate of [ownOf(client), next, ownOf(client)]) {
      const { status, json } = await token(
        client,
        { grant_type: 'refresh_token', refresh_token },
        { certificate },
      )
      assert.equal(status, 200, JSON.stringify(json))
      assert.deepEqual(await cnfOf(json.access_token), certificate.cnf)
    }
    if (isByCertificate(client)) {
      const form = { grant_type: 'refresh_token', refresh_token }
      const stolen = await token(client, form, { certificate: other })
      assertRefused(stolen, 'invalid_client', withAnother(client))
    }
  })

test('code: it is bound to its client and PKCE alone, so any certificate of the client redeems it', async () => {
  for (const certificate of [own, other]) {
    const form = { grant_type: 'authorization_code', ...(await grants.authorization_code?.('none')) }
    const { json } = await token('none', form, { certificate })
    assert.deepEqual(await cnfOf(json.access_token), certificate.cnf)
  }
})

for (const client of clientNames)
  test(`dpop: a proof of ${client} ${isByCertificate(client) ? 'takes the place of the certificate in its tokens' : 'is refused, because a certificate binds its tokens'} [RFC 9449 §5]`, async () => {
    const prover = await createProver()
    const send = (certificate?: Question['certificate']) =>
      token(client, password, { certificate, headers: { dpop: prover.proof() } })
    if (!isByCertificate(client)) {
      assertRefused(await send(ownOf(client)), 'invalid_request', 'dpop_for_certificate_client')
      const par = { form: pushed, headers: { dpop: prover.proof({ path: '/connect/par' }) } }
      const answer = await askAs(client, '/connect/par', par)
      return assertRefused(answer, 'invalid_request', 'dpop_for_certificate_client')
    }
    assertRefused(await send(), ...withoutIt(client))
    const { json } = await send(ownOf(client))
    assert.deepEqual([json.token_type, claimsOf(json.access_token).cnf], ['DPoP', { jkt: prover.jkt }])
    const userinfo = (headers: Record<string, string>) =>
      ask('/connect/userinfo', { headers, certificate: ownOf(client) })
    assert.equal((await userinfo(bearer(json.access_token))).reason, 'bound_token_as_bearer')
    assert.equal((await userinfo(prover.headers(json.access_token))).status, 200)
    const alias = prover.headers(json.access_token, { claims: { htu: `${aliasOf('userinfo')}` } })
    assert.equal((await userinfo(alias)).status, 200, 'htu is the URL with client certificates')
  })

const aliasOf = (name: string): string => `${alias}/connect/${name}`

test('expiry: an expired certificate authenticates no client, although its tokens are refreshed with a new one [RFC 8705 §6.3]', async () => {
  const form = { grant_type: 'client_credentials', scope: 'api1' }
  const { lapsed, lapsedSelf, soon } = certificates
  for (const [client, certificate] of [
    ['subject', lapsed],
    ['self', lapsedSelf],
  ] as const)
    assertRefused(await token(client, form, { certificate }), 'invalid_client', 'client_certificate_expired')
  const { access_token, refresh_token } = await tokensOf('subject', { certificate: soon })
  server.clock.advance(700)
  const refresh = (certificate: Question['certificate']) =>
    token('subject', { grant_type: 'refresh_token', refresh_token }, { certificate })
  assertRefused(await refresh(soon), 'invalid_client', 'client_certificate_expired')
  assert.deepEqual(await cnfOf((await refresh(own)).json.access_token), own.cnf)
  // Until it expires, the access token works with the certificate that it is bound to, and with no other.
  const userinfo = (certificate: Question['certificate']) =>
    ask('/connect/userinfo', { headers: bearer(access_token), certificate })
  assert.equal((await userinfo(soon)).status, 200)
  assert.equal((await userinfo(own)).reason, 'token_bound_to_another_certificate')
  server.clock.advance(-700)
})

test('discovery: every endpoint that takes credentials or bound tokens has an alias, which answers [RFC 8705 §5]', async () => {
  const { json } = await ask('/.well-known/openid-configuration')
  const { mtls_endpoint_aliases: aliases, ...metadata } = json
  assert.equal(json.tls_client_certificate_bound_access_tokens, true)
  for (const method of ['tls_client_auth', 'self_signed_tls_client_auth'])
    for (const endpoint of ['token', 'introspection', 'revocation'])
      assert.ok(json[`${endpoint}_endpoint_auth_methods_supported`].includes(method), endpoint)
  const pages = /^(?:authorization|end_session|registration)_endpoint$/
  const expected = Object.keys(metadata).filter(name => /_endpoint$/.test(name) && !pages.test(name))
  assert.deepEqual(Object.keys(aliases).toSorted(), expected.toSorted())
  for (const [name, url] of Object.entries<string>(aliases)) {
    assert.equal(url, metadata[name].replace(server.issuer, alias))
    const { status } = await ask(new URL(url).pathname, { form: {} })
    assert.ok([400, 401].includes(status), `${name}: ${status}`)
  }
})

test('admin API: a bound token needs its certificate [RFC 8705 §3]', async () => {
  const scope = adminScopes.join(' ')
  const administered = await startMtlsWorld({
    accounts: {},
    admin_api: { enabled: true },
    clients: [
      {
        ...{ client_id: 'basic', grant_types: ['client_credentials'], scope },
        client_secrets: [{ value: secret }],
        tls_client_certificate_bound_access_tokens: true,
      },
    ],
  })
  const form = { grant_type: 'client_credentials', scope }
  const { json } = await administered.askAs('basic', '/connect/token', { form, certificate: own })
  const users = (certificate?: Question['certificate']) =>
    administered.ask('/admin/api/v1/users', { headers: bearer(json.access_token), certificate })
  assert.equal((await users(own)).status, 200)
  for (const certificate of [other, undefined]) assert.equal((await users(certificate)).status, 401)
  await administered.close()
})

test('refresh: bound tokens of a public client can’t be used once the setting is removed, nor without it be exchanged', async () => {
  const publicClient = (more: object) => ({
    ...withClients(
      {
        ...{ client_id: 'app', token_endpoint_auth_method: 'none', grant_types: userGrants },
        ...{ redirect_uris: ['https://app.example/cb'], scope: 'openid api1 offline_access', ...more },
      },
      { client_id: 'exchanger', scope: 'api1' } as never,
    ),
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  })
  const changing = await createTestServer(publicClient({ tls_client_certificate_bound_access_tokens: true }))
  const certificate = own.der
  const { json } = await changing.token({ ...password, client_id: 'app' }, { certificate })
  await changing.reconfigure(publicClient({}))
  const refresh = { grant_type: 'refresh_token', client_id: 'app', refresh_token: json.refresh_token }
  const refused = await changing.token(refresh, { certificate })
  assertRefused(refused, 'invalid_grant', 'refresh_token_bound_to_another_key')
  const exchanging = {
    ...{ grant_type: exchange, subject_token: json.access_token },
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  }
  const exchanged = await changing.token(exchanging, { client: ['exchanger', secret], certificate })
  assertRefused(exchanged, 'invalid_request', 'subject_token_bound_to_another_key')
  await changing.reconfigure(publicClient({ tls_client_certificate_bound_access_tokens: true }))
  assert.equal((await changing.token(refresh, { certificate })).status, 200)
})

test('token: without the setting, a client’s certificate binds nothing', async () => {
  const plain = await createTestServer({
    ...world,
    mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  })
  const form = { ...password, client_id: 'roclient', client_secret: secret }
  const { json } = await plain.token(form, { certificate: own.der })
  assert.equal(claimsOf(json.access_token).cnf, undefined)
})
