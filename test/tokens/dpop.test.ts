/** Tokens that are bound to the key of a DPoP proof, on every grant and at every endpoint (RFC 9449). */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'
import { one } from '../support/certificates.ts'
import { createProver, type ProofOptions } from '../support/dpop.ts'
import { approveDevice, issueCode, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { beginShared } from '../support/storage.ts'
import {
  type Answer,
  claimsOf,
  createTestServer,
  issuer,
  startOfTime,
  type TestServer,
} from '../support/tessera.ts'
import { secret, withClients } from '../support/world.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const device = 'urn:ietf:params:oauth:grant-type:device_code'
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const partner = 'https://partner.example'
const { privateKey, publicKey } = await generateKeyPair('ES256')
const jwks = { keys: [await exportJWK(publicKey)] }
const scope = 'openid api1 offline_access'
const userGrants = ['authorization_code', 'refresh_token', 'password', device]
const client = (client_id: string, more: object) => ({
  ...{ client_id, scope, redirect_uris: ['https://app.example/cb'] },
  grant_types: [...userGrants, 'client_credentials', exchange, jwtBearer],
  client_secrets: [{ value: secret }],
  ...more,
})
const isPublic = { token_endpoint_auth_method: 'none', client_secrets: [], grant_types: userGrants }
const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
const input = {
  ...withClients(
    client('basic', {}),
    client('bound', { dpop_bound_access_tokens: true }),
    client('opaque', { access_token_type: 'reference' }),
    client('public', isPublic),
    client('public-bound', { ...isPublic, dpop_bound_access_tokens: true }),
    client('certified', { tls_client_certificate_bound_access_tokens: true }),
    client('tls', {
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: 'CN=one',
      client_secrets: [],
    }),
  ),
  ...{ mtls, trusted_issuers: [{ issuer: partner, jwks }] },
}

const server = await createTestServer(input)
const prover = await createProver()
const other = await createProver()

const credentials = (client_id: string) =>
  client_id.startsWith('public') ? { client_id } : { client_id, client_secret: secret }
const ask = (client_id: string, form: object, dpop?: string, of: TestServer = server): Promise<Answer> =>
  of.token({ ...form, ...credentials(client_id) }, { headers: dpop === undefined ? {} : { dpop } })
const password = { grant_type: 'password', username: 'bob', password: 'bob', scope }
const machine = { grant_type: 'client_credentials', scope: 'api1' }
const refresh = (refresh_token: string) => ({ grant_type: 'refresh_token', refresh_token })
const exchanged = (subject_token: string) => ({
  ...{ grant_type: exchange, subject_token },
  subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
})
const cnfOf = async (token: string): Promise<unknown> => {
  if (!token.startsWith('ta_')) return claimsOf(token).cnf
  return (await introspect(token, credentials('opaque'))).cnf
}
const introspect = async (token: string, caller: object): Promise<any> =>
  (await server.send('POST', '/connect/introspect', { form: { token, ...caller } })).json

/** The form for each grant, ready to be sent. */
const grants: Readonly<Record<string, (client: string) => Promise<object> | object>> = {
  authorization_code: async client_id => ({
    grant_type: 'authorization_code',
    redirect_uri: 'https://app.example/cb',
    code: await issueCode(server, { client_id, scope: ['api1', 'offline_access', 'openid'] }),
    code_verifier: verifier,
  }),
  password: () => password,
  refresh_token: async client => refresh((await ask(client, password, prover.proof())).json.refresh_token),
  [device]: async client => {
    const started = await server.send('POST', '/connect/deviceauthorization', {
      form: { scope: 'openid api1', ...credentials(client) },
    })
    const { hashHandle } = await import('../../packages/server/src/model/handle.ts')
    const { device: row } = (await server.stores.devices.find(hashHandle(started.json.device_code)))!
    await approveDevice(server, row.user_code_hash, { client_id: client, scope: ['api1', 'openid'] })
    return { grant_type: device, device_code: started.json.device_code }
  },
  client_credentials: () => machine,
  [exchange]: async client => exchanged((await ask(client, password, prover.proof())).json.access_token),
  [jwtBearer]: async () => ({
    grant_type: jwtBearer,
    scope: 'api1',
    assertion: await new SignJWT({
      iss: partner,
      sub: '88421113',
      aud: issuer,
      jti: randomUUID(),
      exp: startOfTime + 60,
    })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(privateKey),
  }),
}

for (const name of ['basic', 'bound', 'opaque', 'public', 'public-bound'])
  for (const [grant, formOf] of Object.entries(grants)) {
    if (name.startsWith('public') && !userGrants.includes(grant)) continue
    test(`dpop: ${grant} binds the tokens of ${name} to the key of its proof, which is used once [RFC 9449 §5]`, async () => {
      const form = await formOf(name)
      if (name.endsWith('bound'))
        assertRefused(await ask(name, form), 'invalid_dpop_proof', 'dpop_proof_missing')
      const wrong = await ask(name, form, prover.proof({ path: '/connect/userinfo' }))
      assert.equal(wrong.status, 400)
      assertRefused(wrong, 'invalid_dpop_proof', 'dpop_url_wrong')
      const dpop = prover.proof()
      const { status, json } = await ask(name, form, dpop)
      assert.equal(status, 200, JSON.stringify(json))
      assert.equal(json.token_type, 'DPoP')
      assert.deepEqual(await cnfOf(json.access_token), { jkt: prover.jkt })
      assertRefused(await ask(name, machineOr(name), dpop), 'invalid_dpop_proof', 'dpop_proof_replayed')
    })
  }

/** Another request of the client, which would succeed with a fresh proof. */
const machineOr = (name: string): object => (name.startsWith('public') ? password : machine)

test('dpop: without a proof, a client whose tokens need not be bound gets bearer tokens', async () => {
  const { json } = await ask('basic', machine)
  assert.deepEqual([json.token_type, claimsOf(json.access_token).cnf], ['Bearer', undefined])
})

test('dpop: a public client refreshes only with the key of its family, also within the retry window [RFC 9449 §5]', async () => {
  const { refresh_token } = (await ask('public', password, prover.proof())).json
  for (const dpop of [undefined, other.proof()])
    assertRefused(
      await ask('public', refresh(refresh_token), dpop),
      'invalid_grant',
      'refresh_token_bound_to_another_key',
    )
  const next = await ask('public', refresh(refresh_token), prover.proof())
  assert.equal(next.json.token_type, 'DPoP')
  // The response was lost: only the holder of the key gets the same token again.
  for (const dpop of [undefined, other.proof()])
    assertRefused(
      await ask('public', refresh(refresh_token), dpop),
      'invalid_grant',
      'refresh_token_bound_to_another_key',
    )
  const retried = await ask('public', refresh(refresh_token), prover.proof())
  assert.equal(retried.json.refresh_token, next.json.refresh_token)
})

test('dpop: the first refresh with a proof binds an unbound refresh token of a public client [RFC 9449 §5]', async () => {
  const { refresh_token } = (await ask('public', password)).json
  const bound = await ask('public', refresh(refresh_token), prover.proof())
  assert.equal(bound.json.token_type, 'DPoP')
  for (const token of [bound.json.refresh_token, refresh_token])
    assertRefused(
      await ask('public', refresh(token), other.proof()),
      'invalid_grant',
      'refresh_token_bound_to_another_key',
    )
  assert.equal((await ask('public', refresh(bound.json.refresh_token), prover.proof())).status, 200)
})

test('dpop: a confidential client may change its key, because client authentication binds its refresh tokens [RFC 9449 §5]', async () => {
  const { refresh_token } = (await ask('basic', password, prover.proof())).json
  assert.equal((await introspect(refresh_token, credentials('basic'))).cnf, undefined)
  const changed = await ask('basic', refresh(refresh_token), other.proof())
  assert.deepEqual(claimsOf(changed.json.access_token).cnf, { jkt: other.jkt })
  assert.equal((await ask('basic', refresh(changed.json.refresh_token))).json.token_type, 'Bearer')
})

test('dpop: introspection shows the key and the type of a bound token [RFC 9449 §6.2]', async () => {
  const api = { client_id: 'urn:api', client_secret: 'api-secret' }
  for (const name of ['basic', 'opaque']) {
    const { access_token } = (await ask(name, machine, prover.proof())).json
    const { active, cnf, token_type } = await introspect(access_token, api)
    assert.deepEqual(
      { active, cnf, token_type },
      { active: true, cnf: { jkt: prover.jkt }, token_type: 'DPoP' },
    )
  }
})

const userinfo = (headers: Readonly<Record<string, string>>, of: TestServer = server): Promise<Answer> =>
  of.send('GET', '/connect/userinfo', { headers })

for (const name of ['basic', 'opaque'])
  test(`dpop: userinfo needs a proof with the key of the token of ${name}, for this token and request [RFC 9449 §7]`, async () => {
    const { access_token } = (await ask(name, password, prover.proof())).json
    const another = (await ask(name, password, prover.proof())).json.access_token
    const headers = prover.headers(access_token)
    assert.equal((await userinfo(headers)).json.sub, '88421113')
    const refusals: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
      ['invalid_dpop_proof', 'dpop_proof_replayed', headers],
      ['invalid_token', 'bound_token_as_bearer', { authorization: `Bearer ${access_token}` }],
      ['invalid_token', 'bound_token_as_bearer', { ...headers, authorization: `Bearer ${access_token}` }],
      ['invalid_dpop_proof', 'dpop_proof_malformed', { authorization: `DPoP ${access_token}` }],
      ['invalid_token', 'token_bound_to_another_key', other.headers(access_token)],
      ['invalid_dpop_proof', 'dpop_token_hash_wrong', { ...headers, dpop: prover.headers(another).dpop }],
      ['invalid_dpop_proof', 'dpop_method_wrong', prover.headers(access_token, { method: 'POST' })],
      ['invalid_dpop_proof', 'dpop_url_wrong', prover.headers(access_token, { path: '/connect/token' })],
      ['invalid_dpop_proof', 'dpop_time_wrong', prover.headers(access_token, { at: startOfTime - 600 })],
    ]
    for (const [error, reason, sent] of refusals) {
      const answer = await userinfo(sent)
      assert.equal(answer.status, 401, reason)
      assertRefused(answer, error, reason)
      const challenge = String(answer.headers['www-authenticate'])
      assert.match(challenge, new RegExp(`^DPoP realm="tessera", error="${error}", .*algs="[^"]*ES256`))
    }
    const form = await server.send('POST', '/connect/userinfo', { form: { access_token } })
    assertRefused(form, 'invalid_token', 'bound_token_as_bearer')
    // The proof of a refused request is not used up.
    assert.equal((await userinfo(prover.headers(another))).status, 200)
  })

test('dpop: an unbound token is refused as a DPoP token, and a request without a token learns both schemes [RFC 9449 §7]', async () => {
  const { access_token } = (await ask('basic', password)).json
  const answer = await userinfo(prover.headers(access_token))
  assertRefused(answer, 'invalid_token', 'bearer_token_as_dpop')
  assert.equal((await userinfo({ authorization: `Bearer ${access_token}` })).status, 200)
  const without: readonly Readonly<Record<string, string>>[] = [{}, { authorization: 'DPoP' }]
  for (const headers of without) {
    const { status, headers: shown } = await userinfo(headers)
    assert.equal(status, 401)
    assert.match(String(shown['www-authenticate']), /^Bearer realm="tessera", DPoP realm="tessera", algs="/)
  }
})

test('dpop: a bound token is exchanged only with a proof of its key, and the new one is bound too', async () => {
  const { access_token } = (await ask('basic', password, prover.proof())).json
  for (const dpop of [undefined, other.proof()])
    assertRefused(
      await ask('basic', exchanged(access_token), dpop),
      'invalid_request',
      'subject_token_bound_to_another_key',
    )
  const { json } = await ask('basic', exchanged(access_token), prover.proof())
  assert.deepEqual(claimsOf(json.access_token).cnf, { jkt: prover.jkt })
})

test('dpop: a code is redeemed only with the key of dpop_jkt, and a wrong key burns it [RFC 9449 §10]', async () => {
  const redeem = async (dpop: string | undefined) => {
    const code = await issueCode(server, { client_id: 'public' }, { dpop_jkt: prover.jkt })
    const form = { grant_type: 'authorization_code', redirect_uri: 'https://app.example/cb' }
    const first = await ask('public', { ...form, code, code_verifier: verifier }, dpop)
    return { first, again: await ask('public', { ...form, code, code_verifier: verifier }, prover.proof()) }
  }
  for (const dpop of [undefined, other.proof()]) {
    const { first, again } = await redeem(dpop)
    assertRefused(first, 'invalid_grant', 'code_bound_to_another_key')
    assertRefused(again, 'invalid_grant', 'code_replayed')
  }
  assert.equal((await redeem(prover.proof())).first.json.token_type, 'DPoP')
})

test('dpop: a proof takes the place of the certificate that authenticates a client, not of one that binds its tokens', async () => {
  const form = { ...machine, ...credentials('certified') }
  const refused = await server.token(form, { headers: { dpop: prover.proof() }, certificate: one })
  assertRefused(refused, 'invalid_request', 'dpop_for_certificate_client')
  const { json } = await server.token(form, { certificate: one })
  assert.deepEqual(claimsOf(json.access_token).cnf, { 'x5t#S256': thumbprintOf(one) })
  const headers = { ...prover.headers(json.access_token) }
  const asDpop = await server.send('GET', '/connect/userinfo', { headers, certificate: one })
  assertRefused(asDpop, 'invalid_token', 'bearer_token_as_dpop')
})

test('dpop: of many requests with one proof at the same instant, one succeeds, at each endpoint [RFC 9449 §11.1]', async () => {
  const dpop = prover.proof()
  const results = await Promise.all(Array.from({ length: 20 }, () => ask('basic', machine, dpop)))
  assert.equal(results.filter(({ status }) => status === 200).length, 1)
  const { access_token } = (await ask('basic', password, prover.proof())).json
  const headers = prover.headers(access_token)
  const reads = await Promise.all(Array.from({ length: 20 }, () => userinfo(headers)))
  assert.equal(reads.filter(({ status }) => status === 200).length, 1)
})

test('dpop: an id that one key used is unused for another, so that nobody can use up the proofs of others', async () => {
  const claims = { jti: 'predictable' }
  assert.equal((await ask('basic', machine, other.proof({ claims }))).status, 200)
  assert.equal((await ask('basic', machine, prover.proof({ claims }))).status, 200)
  assertRefused(
    await ask('basic', machine, prover.proof({ claims })),
    'invalid_dpop_proof',
    'dpop_proof_replayed',
  )
})

test('dpop: of concurrent refreshes with a proof each, all succeed, because a lost race repeats the attempt', async () => {
  const { refresh_token } = (await ask('public', password, prover.proof())).json
  const results = await Promise.all(
    Array.from({ length: 5 }, () => ask('public', refresh(refresh_token), prover.proof())),
  )
  assert.deepEqual(
    results.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  )
  assert.equal(new Set(results.map(({ json }) => json.refresh_token)).size, 1)
})

test('dpop: of two nodes that race for one proof, one succeeds; neither accepts it after a restart, also without a shutdown', async () => {
  const shared = await beginShared()
  const open = async () => createTestServer(input, { tenantStores: await shared.open() })
  const [first, second] = [await open(), await open()]
  const forms = [machine, password, machine, password]
  for (const form of forms) {
    const dpop = prover.proof()
    const raced = await Promise.all([ask('basic', form, dpop, first), ask('basic', form, dpop, second)])
    assert.deepEqual(raced.map(({ status }) => status).toSorted(), [200, 400], JSON.stringify(raced))
    const lost = raced.find(({ status }) => status === 400)!
    assertRefused(lost, 'invalid_dpop_proof', 'dpop_proof_replayed')
    // The other two are still open, as after a process was killed.
    const third = await open()
    assertRefused(await ask('basic', form, dpop, third), 'invalid_dpop_proof', 'dpop_proof_replayed')
    await third.close()
  }
  const { access_token } = (await ask('basic', password, prover.proof(), first)).json
  const headers = prover.headers(access_token)
  const reads = await Promise.all([userinfo(headers, first), userinfo(headers, second)])
  assert.deepEqual(reads.map(({ status }) => status).toSorted(), [200, 401])
  // One code at two nodes, each with a proof of its own: one redeems it.
  const code = await issueCode(first, { client_id: 'public' }, { dpop_jkt: prover.jkt })
  const form = {
    grant_type: 'authorization_code',
    redirect_uri: 'https://app.example/cb',
    code,
    code_verifier: verifier,
  }
  const redeemed = await Promise.all([first, second].map(node => ask('public', form, prover.proof(), node)))
  assert.equal(redeemed.filter(({ status }) => status === 200).length, 1)
  await first.close()
  await second.close()
})

test('dpop: with required nonces, the server tells the first one and replaces it once it ages [RFC 9449 §8, §9]', async () => {
  const strict = await createTestServer({ ...input, dpop: { require_nonce: true } })
  const at = () => ({ at: strict.clock.now() })
  const first = await ask('basic', password, prover.proof(), strict)
  assert.equal(first.status, 400)
  assertRefused(first, 'use_dpop_nonce', 'dpop_nonce_missing')
  const nonce = String(first.headers['dpop-nonce'])
  const issued = await ask('basic', password, prover.proof({ nonce }), strict)
  assert.equal(issued.json.token_type, 'DPoP')
  assert.equal(issued.headers['dpop-nonce'], undefined)
  assertRefused(
    await ask('basic', password, prover.proof({ nonce: 'x'.repeat(27) }), strict),
    'use_dpop_nonce',
    'dpop_nonce_expired',
  )
  // A client whose tokens must be bound learns it from its first request without a proof.
  const without = await ask('bound', machine, undefined, strict)
  assert.equal(without.headers['dpop-nonce'], nonce)

  const { access_token } = issued.json
  const refused = await userinfo(prover.headers(access_token), strict)
  assert.equal(refused.status, 401)
  assertRefused(refused, 'use_dpop_nonce', 'dpop_nonce_missing')
  assert.match(String(refused.headers['www-authenticate']), /^DPoP .*error="use_dpop_nonce"/)
  assert.equal(refused.headers['dpop-nonce'], nonce)
  strict.clock.advance(61)
  const accepted = await userinfo(prover.headers(access_token, { nonce, ...at() }), strict)
  assert.equal(accepted.status, 200)
  const next = String(accepted.headers['dpop-nonce'])
  assert.notEqual(next, nonce)
  const renewed = await ask('basic', machine, prover.proof({ nonce, ...at() }), strict)
  assert.equal(renewed.headers['dpop-nonce'], next)
  assert.equal((await ask('basic', machine, prover.proof({ nonce: next, ...at() }), strict)).status, 200)
  await strict.close()
})

test('dpop: where it is disabled, proofs are ignored and not offered, and bound tokens still need their key', async () => {
  const { access_token } = (await ask('basic', password, prover.proof())).json
  const { refresh_token } = (await ask('public', password, prover.proof())).json
  const { clients, ...rest } = input
  const off = {
    ...rest,
    dpop: { enabled: false },
    clients: clients.filter(one => !('dpop_bound_access_tokens' in one)),
  }
  const later = await createTestServer(off, { stores: server.stores })
  const { json } = await ask('basic', machine, 'not a proof', later)
  assert.equal(json.token_type, 'Bearer')
  const metadata = (await later.send('GET', '/.well-known/openid-configuration')).json
  assert.equal(metadata.dpop_signing_alg_values_supported, undefined)
  assertRefused(
    await userinfo({ authorization: `Bearer ${access_token}` }, later),
    'invalid_token',
    'bound_token_as_bearer',
  )
  assert.equal((await userinfo(prover.headers(access_token), later)).status, 200)
  assertRefused(
    await ask('public', refresh(refresh_token), prover.proof(), later),
    'invalid_grant',
    'refresh_token_bound_to_another_key',
  )
})

test('dpop: at a tenant with its own issuer, a proof is for the URL of the tenant, and its nonces are the tenant’s', async () => {
  const tenants = [
    {
      name: 'acme',
      issuer: 'path',
      clients: [client('basic', { grant_types: ['client_credentials'], scope: 'api1', redirect_uris: [] })],
    },
  ]
  const { clients } = input
  const multi = await createTestServer({ ...input, clients, tenants, dpop: { require_nonce: true } })
  const path = '/t/acme/connect/token'
  const send = (dpop: string) =>
    multi.send('POST', path, { form: { ...machine, ...credentials('basic') }, headers: { dpop } })
  const nonceOf = (answer: Answer) => String(answer.headers['dpop-nonce'])
  const ofServer = nonceOf(await ask('basic', machine, prover.proof(), multi))
  const first = await send(prover.proof({ path }))
  assertRefused(first, 'use_dpop_nonce', 'dpop_nonce_missing')
  assertRefused(await send(prover.proof({ nonce: nonceOf(first) })), 'invalid_dpop_proof', 'dpop_url_wrong')
  assertRefused(await send(prover.proof({ path, nonce: ofServer })), 'use_dpop_nonce', 'dpop_nonce_expired')
  assert.equal((await send(prover.proof({ path, nonce: nonceOf(first) }))).json.token_type, 'DPoP')
  await multi.close()
})

test('dpop: the reason and the URL of a refused proof are in the log, and the proof is not', async () => {
  const dpop = prover.proof({ path: '/other' } satisfies ProofOptions)
  await ask('basic', machine, dpop)
  const line = server.logged.findLast(({ event }) => event === 'refused')!
  assert.deepEqual(
    [line.reason, line.expected, line.received],
    ['dpop_url_wrong', `${issuer}/connect/token`, `${issuer}/other`],
  )
  assert.ok(!JSON.stringify(server.logged).includes(dpop.split('.')[2]!))
})

test('dpop: a proof for HEAD is accepted for HEAD, and none for GET [RFC 9449 §4.3 (8)]', async () => {
  const { access_token } = (await ask('basic', password, prover.proof())).json
  const head = (method: string): Promise<Answer> =>
    server.send('HEAD', '/connect/userinfo', { headers: prover.headers(access_token, { method }) })
  assert.equal((await head('HEAD')).status, 200)
  assert.equal((await head('GET')).status, 401)
  assert.equal(server.reason(), 'dpop_method_wrong')
})

test('dpop: a repeated request revokes nothing, because its proof was used; a new proof shows a replay [RFC 9449 §11.1]', async () => {
  for (const form of [
    (await grants.authorization_code?.('public')) ?? {},
    refresh((await ask('public', password, prover.proof())).json.refresh_token),
  ]) {
    const dpop = prover.proof()
    const { access_token, refresh_token } = (await ask('public', form, dpop)).json
    // After another refresh, the first token is two generations old.
    const next = (await ask('public', refresh(refresh_token), prover.proof())).json
    assertRefused(await ask('public', form, dpop), 'invalid_dpop_proof', 'dpop_proof_replayed')
    assert.equal((await userinfo(prover.headers(access_token))).status, 200)
    const replayed = await ask('public', form, prover.proof())
    assert.match(String(replayed.reason), /^(code_replayed|refresh_token_reused)$/)
    assert.equal((await ask('public', refresh(next.refresh_token), prover.proof())).status, 400)
    assert.equal((await userinfo(prover.headers(access_token))).status, 401)
  }
})
