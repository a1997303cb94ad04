/** `signature_algorithms`: every algorithm signs, is offered and is accepted where the configuration allows it, and nowhere else. */

import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, hash, type KeyObject, sign } from 'node:crypto'
import { before, test } from 'node:test'
import { createClient, createIssuer, validateIdToken } from '@tessera/client'
import { type CompactJWSHeaderParameters, createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { availabilityErrors } from '../../packages/server/src/configuration/rules/algorithms.ts'
import { signingAlgorithms } from '../../packages/server/src/model/client.ts'
import {
  cryptoParameters,
  defaultSignatureAlgorithms,
} from '../../packages/server/src/model/signature-algorithm.ts'
import { errorsOf, machine, withClient } from '../configuration/errors.ts'
import { signProof } from '../support/dpop.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { register } from '../support/registering.ts'
import { answerOf, authorizePath } from '../support/sign-in.ts'
import { openTenantStores } from '../support/storage.ts'
import {
  basic,
  claimsOf,
  createTestServer,
  issuer,
  startOfTime,
  type TestServer,
} from '../support/tessera.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'
import { secret, world } from '../support/world.ts'

const configurationPath = '/.well-known/openid-configuration'
const metadataOf = async (server: TestServer) => (await server.send('GET', configurationPath)).json
const keysOf = async (server: TestServer) =>
  createLocalJWKSet((await server.send('GET', `${configurationPath}/jwks`)).json)

const pairs = Object.fromEntries(
  (['RSA', 'EC', 'OKP'] as const).map(kty => [
    kty,
    kty === 'RSA'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : kty === 'EC'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519'),
  ]),
)
const pairOf = (alg: string) => pairs[/^[RP]S/.test(alg) ? 'RSA' : alg === 'ES256' ? 'EC' : 'OKP']!
const keys = Object.values(pairs).map(({ publicKey }) => publicKey.export({ format: 'jwk' }))
const signed = (claims: object, alg: string, header: Partial<CompactJWSHeaderParameters> = {}) =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg, ...header }).sign(pairOf(alg).privateKey as KeyObject)

/** One client, scope and API for each algorithm. */
const offering = (algorithms: readonly string[]) => ({
  ...world,
  signature_algorithms: algorithms,
  api_scopes: algorithms.map(alg => ({ name: `api:${alg}` })),
  api_resources: algorithms.map(alg => ({
    name: `urn:${alg}`,
    scopes: [`api:${alg}`],
    access_token_signing_alg: alg,
  })),
  clients: algorithms.map(alg => ({
    client_id: alg,
    client_secrets: [{ value: secret }],
    redirect_uris: [redirectUri],
    scope: `openid api:${alg}`,
    id_token_signed_response_alg: alg,
    userinfo_signed_response_alg: alg,
  })),
})

async function tokensOf(server: TestServer, client_id: string, scope: readonly string[]) {
  const code = await issueCode(server, { client_id, scope })
  return server.token(
    { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri },
    { client: [client_id, secret] },
  )
}

test('algorithms: the server signs access tokens, ID tokens and UserInfo responses with each, by a key of its own', async () => {
  const server = await createTestServer(offering(signingAlgorithms))
  const published = await keysOf(server)
  assert.deepEqual(
    new Set((await metadataOf(server)).id_token_signing_alg_values_supported),
    new Set(signingAlgorithms),
  )
  const kids = new Set<unknown>()
  for (const alg of signingAlgorithms) {
    const { status, json } = await tokensOf(server, alg, ['openid', `api:${alg}`])
    assert.equal(status, 200, alg)
    const userinfo = await server.send('GET', '/connect/userinfo', {
      headers: { authorization: `Bearer ${json.access_token}` },
    })
    assert.equal(userinfo.status, 200, alg)
    const verified = []
    for (const token of [json.access_token, json.id_token, userinfo.body])
      verified.push(
        await jwtVerify(token as string, published, {
          algorithms: [alg],
          currentDate: new Date(startOfTime * 1000),
        }),
      )
    const [{ protectedHeader }, { payload }] = verified as [(typeof verified)[0], (typeof verified)[0]]
    kids.add(protectedHeader.kid)
    // OpenID Connect Core 1.0 §3.1.3.6: the hash of the algorithm, which for Ed25519 is SHA-512 (RFC 8032 §5.1).
    // No specification names one for ML-DSA. Other servers and clients use SHAKE256, as FIPS 204 §6.2 does.
    const bits = /^..(\d{3})$/.exec(alg)?.[1] ?? '512'
    const digest = alg.startsWith('ML-DSA')
      ? createHash('shake256', { outputLength: 64 }).update(json.access_token).digest()
      : hash(`sha${bits}`, json.access_token, 'buffer')
    assert.equal(payload.at_hash, digest.toString('base64url', 0, digest.length / 2), alg)
  }
  assert.equal(kids.size, signingAlgorithms.length)
})

test('algorithms: a client library checks an ID token by ML-DSA with its at_hash, and introspection its access token', async () => {
  const server = await createTestServer(offering(['ML-DSA-65']))
  const { json } = await tokensOf(server, 'ML-DSA-65', ['openid', 'api:ML-DSA-65'])
  const client = createClient({
    issuer: createIssuer(issuer, {
      metadata: await metadataOf(server),
      fetch: async () => Response.json((await server.send('GET', `${configurationPath}/jwks`)).json),
      now: () => startOfTime,
    }),
    client_id: 'ML-DSA-65',
  })
  const options = { nonce: undefined, access_token: json.access_token }
  const valid = await validateIdToken(client, json.id_token, options)
  assert.equal(valid.ok && valid.value.sub, '88421113', JSON.stringify(valid))
  const other = await validateIdToken(client, json.id_token, { ...options, access_token: 'x' })
  assert.equal(!other.ok && other.error.code, 'hash_mismatch')
  const introspected = await server.send('POST', '/connect/introspect', {
    form: { token: json.access_token },
    headers: basic('ML-DSA-65', secret),
  })
  assert.equal(introspected.json.active, true)
})

test('algorithms: ML-DSA authenticates clients, signs their requests and proves possession, only where it is allowed [RFC 9964]', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ml-dsa-87')
  const jwk = publicKey.export({ format: 'jwk' })
  const client = {
    client_id: 'quantum',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [jwk] },
    redirect_uris: ['https://app.example/cb'],
    grant_types: ['client_credentials', 'authorization_code'],
    scope: 'openid api1',
  }
  const quantum = {
    ...{
      ...world,
      clients: [client],
      api_resources: [{ ...world.api_resources[0], access_token_signing_alg: 'ML-DSA-87' }],
    },
    signature_algorithms: ['RS256', 'ES256', 'ML-DSA-87'],
  }
  const sign87 = (claims: object) =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ML-DSA-87' }).sign(privateKey)
  const assertion = async () => ({
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await sign87({
      iss: 'quantum',
      sub: 'quantum',
      aud: issuer,
      jti: `${++ids}`,
      ...times,
    }),
  })
  const dpop = (path: string, more: object = {}) =>
    signProof(
      { typ: 'dpop+jwt', alg: 'ML-DSA-87', jwk },
      { jti: `${++ids}`, htm: 'POST', htu: issuer + path, iat: startOfTime, ...more },
      text => sign(null, Buffer.from(text), privateKey),
    )
  const ask = async (server: TestServer) =>
    server.token(
      { grant_type: 'client_credentials', scope: 'api1', ...(await assertion()) },
      { headers: { dpop: dpop('/connect/token') } },
    )
  const server = await createTestServer(quantum)
  const { status, json } = await ask(server)
  assert.equal(status, 200, JSON.stringify(json))
  assert.equal(json.token_type, 'DPoP')
  // The header and the proof fit into the limit of Node.js for all headers, but not the token too: 16,384 bytes.
  assert.ok(dpop('/connect/token').length + json.access_token.length > 16_384)
  const request = await sign87({
    ...{ client_id: 'quantum', response_type: 'code', scope: 'openid', aud: issuer, ...times },
    ...{ redirect_uri: 'https://app.example/cb', code_challenge_method: 'S256' },
    code_challenge: 'a'.repeat(43),
  })
  const pushed = await server.send('POST', '/connect/par', { form: { request, ...(await assertion()) } })
  assert.equal(pushed.status, 201, pushed.body as string)

  const { api_resources: _, signature_algorithms: __, ...classical } = quantum
  const refused = await ask(await createTestServer(classical))
  assert.deepEqual([refused.status, refused.reason], [401, 'client_assertion_invalid'])
})

test('algorithms: an AKP key of a client needs a supported algorithm and the length of its keys [RFC 9964 §3]', () => {
  const jwk = generateKeyPairSync('ml-dsa-44').publicKey.export({ format: 'jwk' }) as { pub?: string }
  const pathsOf = (key: object) =>
    errorsOf(withClient({ ...machine, jwks: { keys: [key] } })).map(({ path }) => path)
  assert.deepEqual(pathsOf(jwk), [])
  for (const key of [
    { ...jwk, alg: undefined },
    { ...jwk, alg: 'ML-DSA-65' },
    { ...jwk, alg: 'ES256' },
    { ...jwk, pub: jwk.pub?.slice(4) },
    { ...jwk, pub: undefined },
    { ...jwk, priv: 'A'.repeat(43) },
  ])
    assert.deepEqual(pathsOf(JSON.parse(JSON.stringify(key))), ['clients[0].jwks.keys[0]'])
})

test('algorithms: a configuration with ML-DSA is refused where Node.js does not have it', () => {
  const draft = {
    signature_algorithms: ['ES256', 'ML-DSA-44'],
    tenants: [{ signature_algorithms: ['ML-DSA-65'] }],
  }
  const old = (alg: string) => !alg.startsWith('ML-DSA')
  const errors = availabilityErrors(draft as never, old)
  assert.deepEqual(
    errors.map(({ path }) => path),
    ['signature_algorithms[1]', 'tenants[0].signature_algorithms[0]'],
  )
  assert.match(errors[0]?.problem ?? '', /^Node\.js [\d.]+ with its OpenSSL does not have ML-DSA-44$/)
  assert.deepEqual(availabilityErrors(draft as never), [])
})

test('algorithms: by default all but ML-DSA are accepted, and Ed25519 beside EdDSA [RFC 9864 §2.2]', async () => {
  const metadata = await metadataOf(await createTestServer(world))
  for (const name of [
    'token_endpoint_auth_signing_alg_values_supported',
    'introspection_endpoint_auth_signing_alg_values_supported',
    'revocation_endpoint_auth_signing_alg_values_supported',
    'dpop_signing_alg_values_supported',
  ])
    assert.deepEqual(metadata[name], defaultSignatureAlgorithms, name)
  assert.deepEqual(metadata.request_object_signing_alg_values_supported, [
    ...defaultSignatureAlgorithms,
    'none',
  ])
  // Keys exist only for what is used.
  assert.deepEqual(metadata.id_token_signing_alg_values_supported, ['ES256', 'RS256'])
})

const partner = 'https://partner.example'
const store = 'https://store.example'
const narrow = {
  ...world,
  signature_algorithms: ['PS256', 'EdDSA'],
  trusted_issuers: [{ issuer: partner, jwks: { keys } }],
  registration: { mode: 'open', trusted_software_issuers: [{ issuer: store, jwks: { keys } }] },
  clients: [
    ...world.clients,
    {
      client_id: 'signer',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys },
      grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
      scope: 'api1',
    },
    {
      client_id: 'requester',
      token_endpoint_auth_method: 'none',
      jwks: { keys },
      redirect_uris: ['https://app.example/cb'],
      scope: 'openid',
    },
  ],
}

let server: TestServer
before(async () => {
  server = await createTestServer(narrow)
})

/** Whether each is accepted where PS256 and EdDSA are allowed. The keys fit all of these algorithms. */
const attempts = [
  ['PS256', true],
  ['EdDSA', true],
  ['Ed25519', false],
  ['RS256', false],
  ['ES256', false],
] as const

let ids = 0
const times = { iat: startOfTime, exp: startOfTime + 60 }
const assertionOf = (alg: string) =>
  signed({ iss: 'signer', sub: 'signer', aud: issuer, jti: `${++ids}`, ...times }, alg)
const asSigner = async (alg: string) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await assertionOf(alg),
})

for (const [alg, isAllowed] of attempts)
  test(`algorithms: ${alg} is ${isAllowed ? 'accepted' : 'refused'} everywhere if PS256 and EdDSA are allowed`, async () => {
    const expect = (isAccepted: boolean, reason: unknown, refusal: string) =>
      isAllowed ? assert.ok(isAccepted, `${reason}`) : assert.equal(reason, refusal)

    const authenticated = await server.token({
      grant_type: 'client_credentials',
      scope: 'api1',
      ...(await asSigner(alg)),
    })
    expect(authenticated.status === 200, authenticated.reason, 'client_assertion_invalid')

    const granted = await server.token({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await signed({ iss: partner, sub: '88421113', aud: issuer, jti: `${++ids}`, ...times }, alg),
      ...(await asSigner('PS256')),
    })
    expect(granted.status === 200, granted.reason, 'assertion_invalid')

    const request = await signed(
      {
        ...{ client_id: 'requester', response_type: 'code', scope: 'openid', aud: issuer, ...times },
        ...{ redirect_uri: 'https://app.example/cb', code_challenge_method: 'S256' },
        code_challenge: 'a'.repeat(43),
      },
      alg,
    )
    const pushed = await server.send('POST', '/connect/par', { form: { client_id: 'requester', request } })
    expect(pushed.status === 201, pushed.reason, 'request_object_signature_invalid')

    const registered = await register(server, {
      software_statement: await signed({ iss: store, client_name: 'App' }, alg),
      redirect_uris: ['https://app.example/cb'],
      token_endpoint_auth_method: 'none',
    })
    expect(registered.status === 201, registered.reason, 'software_statement_invalid')

    const { digest, options } = cryptoParameters[alg]
    const { privateKey, publicKey } = pairOf(alg)
    const dpop = signProof(
      { typ: 'dpop+jwt', alg, jwk: publicKey.export({ format: 'jwk' }) },
      { jti: `${++ids}`, htm: 'POST', htu: `${issuer}/connect/token`, iat: startOfTime },
      text => sign(digest, Buffer.from(text), { key: privateKey, ...options }),
    )
    const proven = await server.token(
      { grant_type: 'client_credentials', scope: 'api1' },
      { client: ['client', secret], headers: { dpop } },
    )
    expect(proven.status === 200, proven.reason, 'dpop_algorithm_not_allowed')
  })

test('algorithms: metadata and challenges list those that are allowed, and the first signs what had another default', async () => {
  const metadata = await metadataOf(server)
  const listed = Object.entries<string[]>(metadata).filter(([name]) =>
    name.endsWith('signing_alg_values_supported'),
  )
  assert.ok(listed.length > 7)
  for (const [name, algorithms] of listed)
    assert.deepEqual(
      algorithms.filter(alg => alg !== 'none' && !narrow.signature_algorithms.includes(alg)),
      [],
      name,
    )
  const { headers } = await server.send('GET', '/connect/userinfo')
  assert.match(String(headers['www-authenticate']), /DPoP realm="tessera", algs="PS256 EdDSA"$/)
  const { json } = await tokensOf(server, 'web', ['openid', 'api1'])
  for (const token of [json.access_token, json.id_token])
    assert.equal(JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString()).alg, 'PS256')
  const description = await server.send('POST', '/connect/introspect', {
    form: { token: json.access_token },
    headers: {
      authorization: `Basic ${Buffer.from('urn%3Aapi:api-secret').toString('base64')}`,
      accept: 'application/token-introspection+jwt',
    },
  })
  assert.equal(claimsOf(description.body as string).token_introspection.active, true)
})

test('algorithms: a client that registered EdDSA or Ed25519, or a key with it, can not use the other [RFC 9864 §2.2]', async () => {
  const ed25519 = pairs.OKP!.publicKey.export({ format: 'jwk' })
  const client = (client_id: string, more: object, jwk: object = {}) => ({
    ...{ client_id, token_endpoint_auth_method: 'private_key_jwt', grant_types: ['client_credentials'] },
    ...{ scope: 'api1', jwks: { keys: [{ ...ed25519, ...jwk }] }, ...more },
  })
  const names = ['EdDSA', 'Ed25519'] as const
  const pinned = await createTestServer({
    ...world,
    clients: names.flatMap(alg => [
      client(`alg-${alg}`, { token_endpoint_auth_signing_alg: alg }),
      client(`key-${alg}`, {}, { alg }),
    ]),
  })
  for (const registered of names)
    for (const alg of names)
      for (const id of [`alg-${registered}`, `key-${registered}`]) {
        const { status, reason } = await pinned.token({
          grant_type: 'client_credentials',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await signed({ iss: id, sub: id, aud: issuer, jti: `${++ids}`, ...times }, alg),
        })
        assert.deepEqual(
          [status, reason],
          alg === registered ? [200, undefined] : [401, 'client_assertion_invalid'],
          `${id} by ${alg}`,
        )
      }
})

test('algorithms: a registration with one that is not allowed is refused', async () => {
  const base = { redirect_uris: ['https://app.example/cb'], jwks: { keys } }
  const signs = { ...base, token_endpoint_auth_method: 'private_key_jwt' }
  for (const metadata of [
    { ...base, id_token_signed_response_alg: 'RS256' },
    { ...base, request_object_signing_alg: 'RS256' },
    { ...signs, token_endpoint_auth_signing_alg: 'Ed25519' },
  ]) {
    const { status, json } = await register(server, metadata)
    assert.equal(status, 400)
    assert.equal(json.error, 'invalid_client_metadata')
  }
  const { status, json } = await register(server, {
    ...signs,
    token_endpoint_auth_signing_alg: 'EdDSA',
  })
  assert.equal(status, 201)
  assert.equal(json.id_token_signed_response_alg, 'PS256')
})

const provider = foreignProvider()
test('algorithms: an ID token of a provider is refused if its algorithm is not allowed', async () => {
  const world = federatedWorld(provider)
  const atCorp = authorizePath({ acr_values: 'idp:corp', scope: 'openid' })
  const accepted = await startFederated({ ...world, signature_algorithms: ['RS256', 'ES256'] })
  assert.ok(answerOf(await signInByProvider(accepted.browser, atCorp)).get('code'))
  const refused = await startFederated({ ...world, signature_algorithms: ['PS256', 'ES256'] })
  await signInByProvider(refused.browser, atCorp)
  assert.equal(refused.server.reason(), 'upstream_answer_invalid')
})

test('algorithms: a stored client with one that is no longer allowed is not served, and no key is made for it', async () => {
  const tenantStores = await openTenantStores()
  const before = await createTestServer(
    { ...world, signature_algorithms: ['RS256', 'ES256', 'PS512'] },
    { tenantStores },
  )
  const stored = {
    client_id: 'stored',
    client_secrets: [{ value: secret }],
    grant_types: ['client_credentials'],
    scope: 'api1',
    id_token_signed_response_alg: 'PS512',
  }
  const ask = (server: TestServer) =>
    server.token({ grant_type: 'client_credentials' }, { client: ['stored', secret] })
  assert.equal((await before.administration.clients.create(stored, { actor: 'test' })).ok, true)
  assert.equal((await ask(before)).status, 200)
  await before.reconfigure({ ...world, signature_algorithms: ['RS256', 'ES256'] })
  const refused = await ask(before)
  assert.deepEqual([refused.json.error, refused.reason], ['invalid_client', 'client_unknown'])
  assert.deepEqual((await metadataOf(before)).id_token_signing_alg_values_supported, ['ES256', 'RS256'])
  await before.reconfigure({ ...world, signature_algorithms: ['RS256', 'ES256', 'PS512'] })
  assert.equal((await ask(before)).status, 200)
})

test('algorithms: a tenant with its own issuer inherits them, or has its own', async () => {
  const tenants = [
    { name: 'acme', issuer: 'path' },
    { name: 'globex', issuer: 'path', signature_algorithms: ['ES384'] },
  ]
  const server = await createTestServer({ signature_algorithms: ['PS256'], tenants })
  const listed = async (path: string) =>
    (await server.send('GET', `${path}${configurationPath}`)).json.id_token_signing_alg_values_supported
  assert.deepEqual(await listed(''), ['PS256'])
  assert.deepEqual(await listed('/t/acme'), ['PS256'])
  assert.deepEqual(await listed('/t/globex'), ['ES384'])
})

test('algorithms: a configuration that contradicts itself is refused, with the place', () => {
  const placesOf = (input: object) => errorsOf(input).map(({ path }) => path)
  const only = { signature_algorithms: ['PS256'] }
  for (const key of [
    'id_token_signed_response_alg',
    'userinfo_signed_response_alg',
    'introspection_signed_response_alg',
    'authorization_signed_response_alg',
    'token_endpoint_auth_signing_alg',
    'request_object_signing_alg',
  ]) {
    assert.deepEqual(placesOf(withClient({ ...machine, [key]: 'ES256' }, only)), [`clients[0].${key}`])
    assert.deepEqual(placesOf(withClient({ ...machine, [key]: 'PS256' }, only)), [])
  }
  assert.deepEqual(placesOf(withClient({ ...machine, request_object_signing_alg: 'none' }, only)), [])
  const workload = { issuer: 'https://builds.example', subject: 'job' }
  const ofWorkloads = (workload_identities: readonly object[]) =>
    placesOf(
      withClient(
        {
          ...machine,
          client_secrets: undefined,
          token_endpoint_auth_method: 'private_key_jwt',
          workload_identities,
        },
        only,
      ),
    )
  assert.deepEqual(ofWorkloads([{ ...workload, signing_alg: 'PS256' }, workload]), [
    'clients[0].workload_identities[1].signing_alg',
  ])
  // An invalid entry is not reported as missing keys too.
  assert.deepEqual(ofWorkloads([{ ...workload, subject: '*' }]), [
    'clients[0].workload_identities[0].subject',
  ])
  assert.deepEqual(placesOf({ ...only, api_resources: [{ name: 'a', access_token_signing_alg: 'ES256' }] }), [
    'api_resources[0].access_token_signing_alg',
  ])
  const corp = { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'x' }
  assert.deepEqual(
    placesOf({ ...only, identity_providers: [{ ...corp, id_token_signed_response_alg: 'RS256' }] }),
    ['identity_providers[0].id_token_signed_response_alg'],
  )
  assert.deepEqual(placesOf({ signature_algorithms: [] }), ['signature_algorithms'])
  assert.deepEqual(placesOf({ signature_algorithms: ['PS256', 'PS256'] }), ['signature_algorithms'])
  for (const alg of ['none', 'HS256', 'ES256K', 'Ed448', 'RS1'])
    assert.deepEqual(placesOf({ signature_algorithms: [alg] }), ['signature_algorithms[0]'])
})
