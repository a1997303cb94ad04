/** An operator revokes everything of a client or a user: which tokens end, and which stay. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokenExchange } from '../../packages/server/src/endpoints/token/grants/token-exchange.ts'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { sampleSession } from '../contracts/stores/samples.ts'
import { createBrowser } from '../support/browser.ts'
import { approveDevice, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import {
  answerOf,
  authorizePath,
  callback,
  signIn as pageSignIn,
  pagesWorld,
  verifier as pageVerifier,
} from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { secret, withClients, world } from '../support/world.ts'

const device_code = 'urn:ietf:params:oauth:grant-type:device_code'
const references = withClients(
  { client_id: 'client', access_token_type: 'reference' } as never,
  { client_id: 'roclient', access_token_type: 'reference' } as never,
)

const own = (server: TestServer) =>
  server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client: ['client', secret] })
const signIn = (server: TestServer) =>
  server.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid api1 offline_access' },
    { client: ['roclient', secret] },
  )
const refresh = (server: TestServer, refresh_token: string) =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['roclient', secret] })
const redeem = (server: TestServer, code: string) =>
  server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
    { client: ['web', secret] },
  )
/** Returns a device code that a user approved. */
async function approvedDevice(server: TestServer, user: object = {}): Promise<string> {
  const form = { client_id: 'device' }
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form })
  const found = await server.stores.devices.find(hashHandle(json.device_code))
  assert.ok(await approveDevice(server, found!.device.user_code_hash, { scope: ['api1'], ...user }))
  return json.device_code
}
const isActive = async (server: TestServer, token: string): Promise<boolean> =>
  (
    await server.send('POST', '/connect/introspect', {
      form: { token },
      headers: basic('urn:api', 'api-secret'),
    })
  ).json.active

for (const [kind, configuration] of [
  ['JWTs', world],
  ['reference tokens', references],
] as const)
  test(`revoking a client: its own ${kind} and those of users become inactive; later ones are issued and active`, async () => {
    const server = await createTestServer(configuration)
    const [mine, users, others] = [await own(server), await signIn(server), await own(server)]
    const tokens = [mine.json.access_token, users.json.access_token, others.json.access_token]
    for (const token of tokens) assert.equal(await isActive(server, token), true)
    assert.equal(await server.revokeClient('client'), true)
    assert.equal(await isActive(server, tokens[0]), false)
    assert.equal(await isActive(server, tokens[1]), true, 'of another client')
    assert.equal(await server.revokeClient('roclient'), true)
    assert.equal(await isActive(server, tokens[1]), false)
    const info = { headers: { authorization: `Bearer ${users.json.access_token}` } }
    assert.equal((await server.send('GET', '/connect/userinfo', info)).status, 401)

    server.clock.advance(2)
    assert.equal(await isActive(server, (await own(server)).json.access_token), true)
    assert.equal(await isActive(server, (await signIn(server)).json.access_token), true)
    for (const token of tokens.slice(0, 2)) assert.equal(await isActive(server, token), false)
  })

test('revoking a client: its codes, device codes and refresh tokens are refused, within the retry window too', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server)
  const device = await approvedDevice(server)
  const first = (await signIn(server)).json.refresh_token
  const second = (await refresh(server, first)).json.refresh_token
  for (const client of ['web', 'device', 'roclient']) assert.ok(await server.revokeClient(client))
  server.clock.advance(2)
  for (const refused of [
    await redeem(server, code),
    await server.token({ grant_type: device_code, device_code: device, client_id: 'device' }),
    await refresh(server, first),
    await refresh(server, second),
  ]) {
    assertRefused(refused, 'invalid_grant', 'authorization_revoked')
  }
  assert.equal((await redeem(server, await issueCode(server))).status, 200)
})

test('revoking a client: a token that another client exchanged stays revoked with its origin', async () => {
  const server = await createTestServer(withClients({ client_id: 'exchanger' }))
  const subject_token = (await signIn(server)).json.access_token
  const exchanged = await server.token(
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      scope: 'api1',
    },
    { client: ['exchanger', secret] },
  )
  assert.equal(exchanged.status, 200)
  assert.equal(await isActive(server, exchanged.json.access_token), true)
  await server.revokeClient('roclient')
  assert.equal(await isActive(server, exchanged.json.access_token), false)
})

const exchange = (server: TestServer, subject_token: string) =>
  server.token(
    {
      ...{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token, scope: 'api1' },
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
    { client: ['exchanger', secret] },
  )

test('revoking a client: nobody can exchange its tokens any more, and it can exchange none that it got before', async () => {
  const server = await createTestServer(withClients({ client_id: 'exchanger' }))
  const theirs = (await signIn(server)).json.access_token
  const exchanged = (await exchange(server, theirs)).json.access_token
  assert.ok(await server.revokeClient('exchanger'))
  assertRefused(await exchange(server, exchanged), 'invalid_request', 'subject_token_invalid')
  assert.equal((await exchange(server, theirs)).status, 200)
  assert.ok(await server.revokeClient('roclient'))
  assertRefused(await exchange(server, theirs), 'invalid_request', 'subject_token_invalid')
})

test('revoking a client: an exchange of its token that began before yields nothing', async () => {
  let meanwhile = async (): Promise<void> => {}
  const policy = async () => {
    await meanwhile()
    return true
  }
  const input = { ...withClients({ client_id: 'exchanger' }), grants: [tokenExchange({ policy })] }
  for (const revoked of ['client', undefined]) {
    const server = await createTestServer(input)
    const theirs = (await own(server)).json.access_token
    meanwhile = async () => {
      if (revoked === undefined) await server.revokeTenant()
      else await server.revokeClient(revoked)
      server.clock.advance(5)
    }
    assertRefused(await exchange(server, theirs), 'invalid_grant', 'no_longer_valid')
    meanwhile = async () => {}
    assert.equal((await exchange(server, (await own(server)).json.access_token)).status, 200)
  }
})

test('revoking a client: a device code that still waits is kept, because its user decides after the revocation', async () => {
  const server = await createTestServer(world)
  const { json } = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'device' },
  })
  const poll = () =>
    server.token({ grant_type: device_code, device_code: json.device_code, client_id: 'device' })
  assert.ok(await server.revokeClient('device'))
  assertRefused(await poll(), 'authorization_pending', 'device_pending')
  const found = await server.stores.devices.find(hashHandle(json.device_code))
  server.clock.advance(6)
  assert.ok(await approveDevice(server, found!.device.user_code_hash, { scope: ['api1'] }))
  assert.equal((await poll()).status, 200)
})

test('revoking a tenant: its codes, approved device codes and tokens to exchange are refused, those of others stay', async () => {
  const server = await createTestServer(withClients({ client_id: 'exchanger' }))
  const of = (tenant: string) => ({ sub: tenant === 'acme' ? '3' : '88421113', ...(tenant && { tenant }) })
  const begin = async (tenant: string) => ({
    code: await issueCode(server, of(tenant)),
    device: await approvedDevice(server, of(tenant)),
    subject_token: (await redeem(server, await issueCode(server, of(tenant)))).json.access_token,
  })
  const [acme, others] = [await begin('acme'), await begin('')]
  await server.revokeTenant('acme')
  const device = (value: string) =>
    server.token({ grant_type: device_code, device_code: value, client_id: 'device' })
  assertRefused(await redeem(server, acme.code), 'invalid_grant', 'authorization_revoked')
  assertRefused(await device(acme.device), 'invalid_grant', 'authorization_revoked')
  assertRefused(await exchange(server, acme.subject_token), 'invalid_request', 'subject_token_invalid')
  for (const { status, body } of [
    await redeem(server, others.code),
    await device(others.device),
    await exchange(server, others.subject_token),
  ])
    assert.equal(status, 200, body)
})

test('revoking a client: a client that was never served is reported, and nothing is stored', async () => {
  const server = await createTestServer(world)
  assert.equal(await server.revokeClient('nobody'), false)
  assert.equal((await server.stores.principals.disabled()).revokedClients.size, 0)
})

test('revoking a client: other nodes on the same store follow, and so does a later start', async () => {
  const server = await createTestServer(world)
  const other = await createTestServer(world, { stores: server.stores })
  const { access_token } = (await own(server)).json
  assert.equal(await isActive(other, access_token), true)
  await server.revokeClient('client')
  await until('the other node refuses the token', async () => !(await isActive(other, access_token)))
  const later = await createTestServer(world, { stores: server.stores })
  assert.equal(await isActive(later, access_token), false)
})

test('revoking a client: what a node issued whose clock is a second ahead is revoked too', async () => {
  const server = await createTestServer(world)
  const ahead = await createTestServer(world, { stores: server.stores })
  ahead.clock.advance(1)
  const [mine, users] = [(await own(ahead)).json, (await signIn(ahead)).json]
  for (const client of ['client', 'roclient']) assert.ok(await server.revokeClient(client))
  for (const { access_token } of [mine, users]) assert.equal(await isActive(server, access_token), false)
  assertRefused(await refresh(server, users.refresh_token), 'invalid_grant', 'authorization_revoked')
})

test('revoking a user: a session that begins at the same time is ended and named', async () => {
  const { stores } = await createTestServer(world)
  const { sessions } = stores
  let ends = 0
  const meanwhile: typeof sessions.endOfUser = async (sub, ending) => {
    ends += 1
    await sessions.create(sampleSession({ sub, sid: `late ${ends}` }))
    return sessions.endOfUser(sub, ending)
  }
  const racing = { ...stores, sessions: { ...sessions, endOfUser: meanwhile } }
  const server = await createTestServer(world, { stores: racing })
  assert.deepEqual(await server.endAccess('88421113'), ['late 1', 'late 2'])
})

test('revoking a user: tokens, codes and device codes of every client end, and the user can sign in again', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server)
  const device = await approvedDevice(server)
  const { access_token, refresh_token } = (await signIn(server)).json
  await server.stores.sessions.create(sampleSession({ sub: '88421113', sid: 'session-1' }))
  assert.deepEqual(await server.endAccess('88421113'), ['session-1'])
  assert.deepEqual(await server.stores.sessions.ofUser('88421113'), [])
  assert.equal(await isActive(server, access_token), false)
  for (const refused of [
    await redeem(server, code),
    await server.token({ grant_type: device_code, device_code: device, client_id: 'device' }),
    await refresh(server, refresh_token),
  ])
    assertRefused(refused, 'invalid_grant', 'authorization_revoked')
  assert.equal((await signIn(server)).status, 200)
  const line = server.logged.find(({ event }) => event === 'user_access_revoked')
  assert.equal(line?.sub, '88421113')
})

const tenantWorld = {
  ...pagesWorld,
  users: [...pagesWorld.users, { sub: '5', username: 'dan', password: 'dan', tenant: 'globex', claims: {} }],
  clients: pagesWorld.clients.map(client =>
    client.client_id === 'web'
      ? { ...client, backchannel_logout_uri: 'https://app.example/logout', scope: `${client.scope}` }
      : client,
  ),
}
/** Signs a user of a tenant in, in a browser, and redeems the code. */
async function signedInAt(server: TestServer, tenant: string, username: string) {
  const browser = createBrowser(server)
  const path = authorizePath({ acr_values: `tenant:${tenant}`, scope: 'openid api1 offline_access' })
  const answer = answerOf(await pageSignIn(browser, path, { username, password: username }))
  const redeemed = await server.token({
    ...{ grant_type: 'authorization_code', client_id: 'web', code: answer.get('code') ?? '' },
    ...{ redirect_uri: callback, code_verifier: pageVerifier },
  })
  assert.equal(redeemed.status, 200, redeemed.body)
  const answers = async () => {
    const headers = { authorization: `Bearer ${redeemed.json.access_token}` }
    const again = {
      grant_type: 'refresh_token',
      client_id: 'web',
      refresh_token: redeemed.json.refresh_token,
    }
    return [
      (await server.send('GET', '/connect/userinfo', { headers })).status,
      (await server.token(again)).status,
    ]
  }
  const silently = async () =>
    answerOf(await browser.request('GET', `${path}&prompt=none`)).get('error') ?? 'signed in'
  return { sid: String(claimsOf(redeemed.json.id_token).sid), answers, silently, path, browser }
}

test('revoking a tenant: tokens and sessions of its users end at once, those of others stay, and they can sign in again', async () => {
  const server = await createTestServer(tenantWorld)
  const [carol, dan] = [await signedInAt(server, 'acme', 'carol'), await signedInAt(server, 'globex', 'dan')]
  await server.revokeTenant('acme')
  assert.deepEqual(await carol.answers(), [401, 400])
  assert.equal(await carol.silently(), 'login_required')
  assert.deepEqual(await dan.answers(), [200, 200])
  assert.equal(await dan.silently(), 'signed in')
  server.clock.advance(2)
  assert.deepEqual(await (await signedInAt(server, 'acme', 'carol')).answers(), [200, 200])
  assert.deepEqual(await carol.answers(), [401, 400])
})

test('revoking a tenant: its sessions are ended in the background, and clients are notified', async () => {
  const server = await createTestServer(tenantWorld)
  const carol = await signedInAt(server, 'acme', 'carol')
  const dan = await signedInAt(server, 'globex', 'dan')
  await server.revokeTenant('acme')
  await server.runLogouts()
  assert.equal(await server.stores.sessions.findBySid(carol.sid), undefined)
  assert.ok(await server.stores.sessions.findBySid(dan.sid))
  const ended = server.logged.filter(({ event }) => event === 'session_ended')
  assert.deepEqual(
    ended.map(({ sid, cause, clients }) => ({ sid, cause, clients })),
    [{ sid: carol.sid, cause: 'access_revoked', clients: ['web'] }],
  )
})

test('revoking a tenant: what another node issues for a session before it knows of the revocation is refused everywhere', async () => {
  const server = await createTestServer(tenantWorld)
  const late = await createTestServer(tenantWorld, { stores: server.stores })
  const carol = await signedInAt(late, 'acme', 'carol')
  // As the node that has not read the revocation, a second ahead of this one.
  late.clock.advance(1)
  await server.stores.principals.revokeTenant('acme', server.clock.now() + 1)
  late.clock.advance(9)
  const answer = answerOf(await carol.browser.request('GET', carol.path))
  const code = answer.get('code')
  const form = { grant_type: 'authorization_code', client_id: 'web', code: code ?? '' }
  const issued = await late.token({ ...form, redirect_uri: callback, code_verifier: pageVerifier })
  const fresh = await createTestServer(tenantWorld, { stores: server.stores })
  const headers = { authorization: `Bearer ${issued.json.access_token}` }
  assert.equal(issued.status, 200, issued.body)
  assert.equal((await fresh.send('GET', '/connect/userinfo', { headers })).status, 401)
})

test('revoking a tenant: tokens of a password grant by a provider of the tenant, whose users have no record, end too', async () => {
  const check = async ({ username }: { readonly username: string }) => ({ ok: true, sub: username })
  const server = await createTestServer({
    ...world,
    tenants: [{ name: 'acme' }, { name: 'globex' }],
    identity_providers: [{ type: 'custom', name: 'staff', credentialAuthority: { check } }],
  })
  const tokensIn = async (tenant: string) => {
    const acr_values = `idp:staff tenant:${tenant}`
    const form = { grant_type: 'password', username: `one-of-${tenant}`, password: 'x', acr_values }
    return (
      await server.token({ ...form, scope: 'openid api1 offline_access' }, { client: ['roclient', secret] })
    ).json
  }
  const [acme, globex] = [await tokensIn('acme'), await tokensIn('globex')]
  assert.equal(claimsOf(acme.access_token).tenant, undefined)
  await server.revokeTenant('acme')
  assert.equal(await isActive(server, acme.access_token), false)
  assertRefused(await refresh(server, acme.refresh_token), 'invalid_grant', 'authorization_revoked')
  assert.equal(await isActive(server, globex.access_token), true)
  assert.equal((await refresh(server, globex.refresh_token)).status, 200)
})

test('revoking everything of an issuer: tokens of clients and users become inactive, later ones are active', async () => {
  const server = await createTestServer(world)
  const [mine, users] = [(await own(server)).json.access_token, (await signIn(server)).json]
  await server.revokeTenant()
  assert.equal(await isActive(server, mine), false)
  assert.equal(await isActive(server, users.access_token), false)
  assertRefused(await refresh(server, users.refresh_token), 'invalid_grant', 'authorization_revoked')
  server.clock.advance(2)
  assert.equal(await isActive(server, (await own(server)).json.access_token), true)
  assert.equal(await isActive(server, (await signIn(server)).json.access_token), true)
  assert.equal(await isActive(server, mine), false)
})
