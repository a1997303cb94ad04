/** Tokens of other issuers as client assertions: which of them authenticate a client, and which must not. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { createIssuerKeysUriFinder } from '../../packages/server/src/clients/keys/issuer-metadata.ts'
import { matchesSubject } from '../../packages/server/src/model/workload-identity.ts'
import { createOutbound } from '../../packages/server/src/outbound/outbound.ts'
import { adminToken, adminWorld } from '../support/admin.ts'
import { openLoopback } from '../support/loopback.ts'
import { assertRefused } from '../support/refused.ts'
import { createTestServer, issuer, startOfTime, type TestServer } from '../support/tessera.ts'

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwkOf = async (key: KeyObject, kid: string) => ({ ...(await exportJWK(key)), kid })
const [cluster, builds, rotated, stranger] = [newKeys(), newKeys(), newKeys(), newKeys()]
const setOf = async (...keys: readonly (readonly [string, KeyObject])[]): Promise<string> =>
  JSON.stringify({ keys: await Promise.all(keys.map(([kid, key]) => jwkOf(key, kid))) })

const there = await openLoopback()
const buildsIssuer = `${there.origin}/builds`
there.pages.set('/builds/.well-known/openid-configuration', {
  body: JSON.stringify({ issuer: buildsIssuer, jwks_uri: `${there.origin}/keys` }),
})
there.pages.set('/keys', { body: await setOf(['b1', builds.publicKey]) })
there.pages.set('/liar/.well-known/openid-configuration', {
  body: JSON.stringify({ issuer: buildsIssuer, jwks_uri: `${there.origin}/keys` }),
})

const clusterIssuer = 'https://kubernetes.default.svc.cluster.local'
const clusterKeys = JSON.parse(await setOf(['k1', cluster.publicKey]))
const signing_alg = 'ES256'
const main = 'repo:org/repo:ref:refs/heads/main'
const base = {
  token_endpoint_auth_method: 'private_key_jwt',
  grant_types: ['client_credentials'],
  scope: 'api1',
}
const deploy = {
  ...{ issuer: buildsIssuer, subject: main, signing_alg },
  ...{ audience: 'https://auth.example', max_lifetime: 600 },
}
const configuration = {
  ...adminWorld,
  registration: { mode: 'open' },
  clients: [
    ...adminWorld.clients,
    {
      ...base,
      client_id: 'deploy',
      workload_identities: [deploy, { ...deploy, subject: 'repo:org/repo:environment:staging-*' }],
    },
    {
      ...base,
      client_id: 'backend',
      workload_identities: [
        {
          ...{ issuer: clusterIssuer, subject: 'system:serviceaccount:shop:backend', signing_alg },
          jwks: clusterKeys,
        },
      ],
    },
    {
      ...base,
      client_id: 'misled',
      workload_identities: [{ ...deploy, issuer: `${there.origin}/liar` }],
    },
    { ...base, client_id: 'plain', jwks: clusterKeys },
  ],
}
const send = createOutbound({ allowedPrivateNetworks: ['127.0.0.0/8'] })
const server = await createTestServer(configuration, { outbound: send })
after(() => server.close())

const json = { 'content-type': 'application/json' }
type Token = { readonly header?: object; readonly key?: KeyObject; readonly [claim: string]: unknown }
const buildToken = ({ header, key = builds.privateKey, ...claims }: Token = {}): Promise<string> =>
  new SignJWT({
    ...{ iss: buildsIssuer, sub: main, aud: 'https://auth.example', iat: server.clock.now() },
    ...{ exp: server.clock.now() + 300, jti: 'always-the-same', ...claims },
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'b1', ...header })
    .sign(key)
const ask = (client_assertion: string, client_id: string | undefined = 'deploy', at: TestServer = server) =>
  at.token({
    grant_type: 'client_credentials',
    scope: 'api1',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion,
    ...(client_id !== '' && { client_id }),
  })

test('workload identity: a token of a build service authenticates its client, more than once, and one fetch finds its keys', async () => {
  const token = await buildToken()
  const answers = await Promise.all([ask(token), ask(token), ask(token)])
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  assert.equal((await ask(await buildToken({ sub: 'repo:org/repo:environment:staging-eu' }))).status, 200)
  assert.equal((await ask(await buildToken({ aud: ['https://auth.example'] }))).status, 200)
  const fetched = there.asked.filter(path => path.startsWith('/builds') || path === '/keys')
  assert.deepEqual(fetched, ['/builds/.well-known/openid-configuration', '/keys'])
})

for (const typ of ['JWT', 'JOSE', 'jwt', undefined])
  test(`workload identity: a token with the type ${typ} authenticates the client [JWT-SVID §2.3]`, async () => {
    assert.equal((await ask(await buildToken({ header: { typ } }))).status, 200)
  })

test('workload identity: a service account of a cluster, with the keys in the configuration, for the issuer of the server', async () => {
  const claims = { iss: clusterIssuer, sub: 'system:serviceaccount:shop:backend', aud: [issuer] }
  const options = { ...claims, header: { kid: 'k1' }, key: cluster.privateKey, exp: startOfTime + 3600 }
  assert.equal((await ask(await buildToken(options), 'backend')).status, 200)
  const other = await buildToken({ ...options, sub: 'system:serviceaccount:shop:backend2' })
  assertRefused(await ask(other, 'backend'), 'invalid_client', 'workload_identity_unknown')
})

for (const sub of [
  'repo:org/repo:pull_request',
  'repo:org/repo:ref:refs/heads/main2',
  'repo:org/repo:ref:refs/heads/Main',
  'repo:org/repo:ref:refs/heads/main:pull_request',
  'repo:org/repo:ref:refs/tags/main',
  'repo:org/repo:environment:production',
  'repo:org/repo:environment:staging-',
  'repo:org/repo:environment:staging-a:ref:refs/heads/x',
  'repo:org/repo:environment:staging-a/b',
  'repo:org/repo:environment:staging-a%3Ab',
  'repo:org/repo:environment:staging-a%2Fb',
  'repo:org/repo:environment:staging-a\nb',
  'repo:org/repo:environment:staging-а',
  'repo:org2/repo:ref:refs/heads/main',
  'repo:org/repo2:ref:refs/heads/main',
  'repo:0rg/repo:ref:refs/heads/main',
  'repo:org%2Frepo:ref:refs/heads/main',
  'repo:org/repo%3Aref:refs/heads/main',
  'xrepo:org/repo:ref:refs/heads/main',
  ' repo:org/repo:ref:refs/heads/main',
  'repo:org/repo:ref:refs/heads/main\n',
])
  test(`workload identity: the subject ${JSON.stringify(sub)} does not authenticate the client`, async () => {
    assertRefused(await ask(await buildToken({ sub })), 'invalid_client', 'workload_identity_unknown')
  })

for (const [what, token, reason, client_id] of [
  ['of another issuer', { iss: 'https://other.example' }, 'workload_identity_unknown'],
  ['whose issuer ends with a slash', { iss: `${buildsIssuer}/` }, 'workload_identity_unknown'],
  ['for another audience', { aud: issuer }, 'client_assertion_audience_wrong'],
  ['for a second audience', { aud: ['https://auth.example', 'x'] }, 'client_assertion_audience_wrong'],
  ['without an audience', { aud: undefined }, 'client_assertion_audience_wrong'],
  ['without an end', { exp: undefined }, 'client_assertion_without_end'],
  ['that lives too long', { exp: startOfTime + 700 }, 'client_assertion_lives_too_long'],
  ['from the future', { iat: startOfTime + 300 }, 'client_assertion_from_the_future'],
  ['that expired', { exp: startOfTime - 61 }, 'client_assertion_invalid'],
  ['that is not valid yet', { nbf: startOfTime + 120 }, 'client_assertion_invalid'],
  ['by another key', { key: stranger.privateKey }, 'client_assertion_invalid'],
  [
    'by a key of another issuer',
    { key: cluster.privateKey, header: { kid: 'k1' } },
    'client_assertion_invalid',
  ],
  ['that is an access token', { header: { typ: 'at+jwt' } }, 'client_assertion_type_wrong'],
  ['at a client of another issuer', {}, 'workload_identity_unknown', 'backend'],
  ['at a client without workload identities', {}, 'client_assertion_invalid', 'plain'],
  ['without client_id', {}, 'client_unknown', ''],
] as const)
  test(`workload identity: a token ${what} is refused`, async () => {
    assertRefused(await ask(await buildToken(token as Token), client_id), 'invalid_client', reason)
  })

test('workload identity: a token whose metadata is that of another issuer can’t be checked', async () => {
  const token = await buildToken({ iss: `${there.origin}/liar` })
  assertRefused(await ask(token, 'misled'), 'temporarily_unavailable', 'workload_issuer_unavailable')
})

test('workload identity: of two for one subject, the audience and the algorithm of the token decide', async () => {
  const other = generateKeyPairSync('ed25519')
  const jwks = JSON.parse(await setOf(['b1', builds.publicKey], ['e1', other.publicKey]))
  const old = { ...deploy, signing_alg: 'EdDSA', jwks }
  const identities = [
    { ...old, audience: 'https://old.example' },
    old,
    { ...deploy, jwks },
    { ...old, subject: 'repo:org/repo:ref:refs/heads/ma*', audience: 'https://wide.example' },
  ]
  const client = { ...base, client_id: 'deploy', workload_identities: identities }
  const several = await createTestServer({ ...adminWorld, clients: [client] })
  const byOther = { header: { alg: 'EdDSA', kid: 'e1' }, key: other.privateKey }
  for (const token of [
    {},
    byOther,
    { ...byOther, aud: 'https://old.example' },
    { ...byOther, aud: 'https://wide.example' },
  ])
    assert.equal((await ask(await buildToken(token), 'deploy', several)).status, 200)
  for (const [token, reason] of [
    [{ aud: 'https://other.example' }, 'client_assertion_invalid'],
    [{ ...byOther, aud: 'https://other.example' }, 'client_assertion_audience_wrong'],
    [{ ...byOther, aud: ['https://auth.example', 'https://old.example'] }, 'client_assertion_audience_wrong'],
    // Each algorithm belongs to an audience.
    [{ aud: 'https://old.example' }, 'client_assertion_invalid'],
  ] as const)
    assertRefused(await ask(await buildToken(token), 'deploy', several), 'invalid_client', reason)
})

test('workload identity: a token with another algorithm than the pinned one is refused, even by a key of the issuer', async () => {
  const rsa = { ...deploy, signing_alg: 'RS256', jwks: JSON.parse(await setOf(['b1', builds.publicKey])) }
  const client = { ...base, client_id: 'deploy', workload_identities: [rsa] }
  const pinned = await createTestServer({ ...adminWorld, clients: [client] })
  assertRefused(await ask(await buildToken(), 'deploy', pinned), 'invalid_client', 'client_assertion_invalid')
})

test('workload identity: keys that the issuer rotates are found, and unknown key ids cause few fetches', async () => {
  there.pages.set('/keys', { body: await setOf(['b2', rotated.publicKey]) })
  server.clock.advance(60)
  const next = () => buildToken({ header: { kid: 'b2' }, key: rotated.privateKey })
  assert.equal((await ask(await next())).status, 200)
  const before = there.asked.length
  for (let times = 0; times < 9; times++) {
    const forged = await buildToken({ header: { kid: randomUUID() }, key: stranger.privateKey })
    assertRefused(await ask(forged), 'invalid_client', 'client_assertion_invalid')
  }
  assert.ok(there.asked.length - before <= 1)
})

test('workload identity: of an issuer that does not answer, few requests wait, and other issuers are not affected', async () => {
  const stopped = new AbortController()
  const hung = new Promise<never>((_, fail) => {
    stopped.signal.addEventListener('abort', () => fail(new Error('stopped')))
  })
  const answer = (issuer: string) => ({
    ok: true,
    status: 200,
    body: JSON.stringify({ issuer, jwks_uri: 'https://b.example/keys' }),
  })
  const find = createIssuerKeysUriFinder({
    outbound: (async (url: string) =>
      url.includes('a.example') ? hung : answer('https://b.example')) as never,
    clock: { now: () => 0 },
    log: { warn: () => undefined } as never,
  })
  const waiting = Array.from({ length: 250 }, () => find('https://a.example'))
  assert.equal(await find('https://a.example'), undefined)
  assert.equal(await find('https://b.example'), 'https://b.example/keys')
  stopped.abort()
  const outcomes = await Promise.allSettled(waiting)
  assert.ok(outcomes.every(({ status }) => status === 'rejected'))
})

test('workload identity: a stranger can’t register one, an operator can store one, and patterns are checked', async () => {
  const body = { ...base, scope: 'api1', redirect_uris: [], workload_identities: [deploy] }
  const registered = await server.send('POST', '/connect/register', {
    headers: json,
    body: JSON.stringify(body),
  })
  assert.equal(registered.status, 400, registered.body)
  const headers = { ...json, authorization: `Bearer ${await adminToken(server)}` }
  const put = (client_id: string, identity: object) =>
    server.send('PUT', `/admin/api/v1/clients/${client_id}`, {
      headers,
      body: JSON.stringify({ ...base, client_id, workload_identities: [{ ...deploy, ...identity }] }),
    })
  assert.equal((await put('stored', {})).status, 201)
  const token = () => buildToken({ header: { kid: 'b2' }, key: rotated.privateKey })
  assert.equal((await ask(await token(), 'stored')).status, 200)
  for (const subject of [
    '*',
    'repo:org/*:ref:refs/heads/main',
    'repo:org/repo:*',
    'repo:org/a*b*:x',
    'spiffe://*/x',
  ])
    assert.equal((await put('wrong', { subject })).status, 422, subject)
  const two = { jwks: clusterKeys, jwks_uri: `${there.origin}/keys` }
  assert.equal((await put('wrong', two)).status, 422)
  assert.equal((await put('none', { issuer: 'ftp://x' })).status, 422)
})

test('workload identity: characters of regular expressions in a pattern mean themselves', () => {
  assert.equal(matchesSubject('a.b-*:x', 'a.b-1:x'), true)
  assert.equal(matchesSubject('a.b-*:x', 'aXb-1:x'), false)
  assert.equal(matchesSubject('(a|b)+[c]-*', '(a|b)+[c]-d'), true)
  assert.equal(matchesSubject('(a|b)+[c]-*', 'ac-d'), false)
  assert.equal(matchesSubject('a-*', `a-${'b'.repeat(2000)}`), false)
  const workload = 'spiffe://example.org/ns/shop/sa/backend-*'
  assert.equal(matchesSubject(workload, 'spiffe://example.org/ns/shop/sa/backend-1'), true)
  assert.equal(matchesSubject(workload, 'spiffe://example.org/ns/shop/sa/backend-1/admin'), false)
  assert.equal(matchesSubject(workload, 'spiffe://example.org.evil/ns/shop/sa/backend-1'), false)
})
