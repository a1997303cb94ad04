/** Global token revocation (draft-parecki-oauth-global-token-revocation-06) through the admin API. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derivedSub, identityKey } from '../../packages/server/src/identity/external-identity.ts'
import { adminScopes } from '../../packages/server/src/model/admin-api.ts'
import { sampleAuthorization, sampleCode, sampleSession } from '../contracts/stores/samples.ts'
import { type Admin, adminToken, adminWorld, startAdmin } from '../support/admin.ts'

const admin = await startAdmin({ ...adminWorld, tenants: [{ name: 'acme' }, { name: 'initech' }] })
const { server, call } = admin
const client = ['web', 'a-secret-of-an-operator'] as const
const path = '/global-token-revocation'

const revoke = (sub_id: unknown, headers = {}) => call('POST', path, { sub_id }, headers)

const signInFiona = () =>
  server.token(
    {
      ...{ grant_type: 'password', username: 'fiona', password: 'seven purple kettles' },
      scope: 'openid offline_access',
    },
    { client },
  )
const refresh = (refresh_token: string) =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client })

/** The identity of a user of the provider `corp`. */
const identityOf = (id: string) => ({
  ...{ provider: { name: 'corp', linking: 'none' as const }, authority: 'https://corp.example' },
  ...{ id, claims: {} },
})

for (const [title, sub_id] of Object.entries({
  'a sub': { format: 'opaque', id: 'file-1' },
  'a sub of this issuer': { format: 'iss_sub', iss: server.issuer, sub: 'file-1' },
  'a verified address, however it is written': { format: 'email', email: 'Fiona@EXAMPLE.com' },
  'members that it does not know': { format: 'opaque', id: 'file-1', more: 1 },
}))
  test(`global revocation: ${title} revokes the refresh tokens and sessions of the user`, async () => {
    const { json } = await signInFiona()
    const session = sampleSession({ sub: 'file-1' })
    await server.stores.sessions.create(session)
    const answer = await revoke(sub_id)
    assert.deepEqual([answer.status, answer.body], [204, ''])
    assert.equal((await refresh(json.refresh_token)).reason, 'authorization_revoked')
    assert.equal(await server.stores.sessions.findBySid(session.sid), undefined)
    assert.equal((await signInFiona()).status, 200, 'the user can sign in again')
  })

test('global revocation: an address is found in every tenant that shares the issuer, if it is verified', async () => {
  const add = async (username: string, tenant: string | undefined, email_verified: boolean) => {
    const created = await call('POST', '/users', {
      ...{ username, email: 'twin@example.com', email_verified },
      ...(tenant !== undefined && { tenant }),
    })
    assert.equal(created.status, 201, created.body)
    const { sub, epoch } = (await server.stores.storedUsers.find(created.json.sub))!
    const session = sampleSession({ sub, epoch })
    assert.ok(await server.stores.sessions.create(session))
    return session.sid
  }
  const [plain, acme, unverified] = [
    await add('twin', undefined, true),
    await add('twin', 'acme', true),
    await add('twin', 'initech', false),
  ]
  assert.equal((await revoke({ format: 'email', email: 'twin@example.com' })).status, 204)
  const found = await Promise.all([plain, acme, unverified].map(sid => server.stores.sessions.findBySid(sid)))
  assert.deepEqual(
    found.map(session => session !== undefined),
    [false, false, true],
  )
})

test('global revocation: the issuer and sub of a provider name the derived, the linked and the signed-in user', async () => {
  const identity = identityOf('u-7')
  const upstream = { id: 'upstream-1', provider: 'corp', identity: identityKey(identity) }
  await server.stores.upstreamSessions.create({
    ...upstream,
    id_token: new Uint8Array(1),
    expires_at: server.clock.now() + 1000,
  })
  await server.stores.identityLinks.add({
    ...{ provider: 'corp', identity: identityKey(identity), sub: 'file-1', label: 'x' },
    created_at: server.clock.now(),
  })
  const sessions = [
    sampleSession({ sub: derivedSub(identity) }),
    sampleSession({ sub: 'file-1' }),
    sampleSession({ sub: 'chosen-by-a-hook', upstream: upstream.id }),
    sampleSession({ sub: derivedSub(identityOf('u-8')) }),
  ]
  for (const session of sessions) assert.ok(await server.stores.sessions.create(session))
  assert.equal((await revoke({ format: 'iss_sub', iss: 'https://corp.example', sub: 'u-7' })).status, 204)
  const found = await Promise.all(sessions.map(({ sid }) => server.stores.sessions.findBySid(sid)))
  assert.deepEqual(
    found.map(session => session !== undefined),
    [false, false, false, true],
  )
})

/** Stores an authorization of a user who has no session any more. Returns whether it is revoked now. */
async function authorize({ server }: Admin, sub: string): Promise<() => Promise<boolean>> {
  const at = server.clock.now()
  const authorization = sampleAuthorization({ sub, created_at: at, auth_time: at, expires_at: at + 1000 })
  await server.stores.codes.issue(authorization, sampleCode(authorization))
  return async () => (await server.stores.authorizations.find(authorization.id))?.revoked_at !== undefined
}

test('global revocation: a user without a record is known by refresh tokens that outlive the session', async () => {
  for (const sub_id of [
    { format: 'opaque', id: 'chosen-before' },
    { format: 'iss_sub', iss: server.issuer, sub: 'chosen-before' },
  ]) {
    const isRevoked = await authorize(admin, 'chosen-before')
    assert.equal((await revoke(sub_id)).status, 204)
    assert.equal(await isRevoked(), true)
    assert.equal((await revoke(sub_id)).status, 404, 'nothing is left')
  }
})

test('global revocation: users of a provider are found by each request', async () => {
  for (const id of ['u-10', 'u-11', 'u-12']) {
    const isRevoked = await authorize(admin, derivedSub(identityOf(id)))
    assert.equal((await revoke({ format: 'iss_sub', iss: 'https://corp.example', sub: id })).status, 204)
    assert.equal(await isRevoked(), true)
  }
})

test('global revocation: a user of the provider is known by the sub of a sign-in whose session has ended', async () => {
  const isRevoked = await authorize(admin, 'chosen-then')
  await server.stores.upstreamSessions.create({
    ...{ id: 'upstream-2', provider: 'corp', identity: identityKey(identityOf('u-20')) },
    ...{ sub: 'chosen-then', id_token: new Uint8Array(1), expires_at: server.clock.now() + 1000 },
  })
  assert.equal((await revoke({ format: 'iss_sub', iss: 'https://corp.example', sub: 'u-21' })).status, 204)
  assert.equal(await isRevoked(), false)
  assert.equal((await revoke({ format: 'iss_sub', iss: 'https://corp.example', sub: 'u-20' })).status, 204)
  assert.equal(await isRevoked(), true)
})

test('global revocation: where a hook chooses users, a user of the provider whose sub is not known is 404', async () => {
  const subject = () => 'chosen'
  const chosen = await startAdmin({ ...adminWorld, federation: { subject } })
  const sub_id = { format: 'iss_sub', iss: 'https://corp.example', sub: 'u-7' }
  const answer = () => chosen.call('POST', path, { sub_id })
  const isRevoked = await authorize(chosen, 'chosen')
  assert.equal((await answer()).json.reason, 'admin_entry_unknown')
  assert.equal(await isRevoked(), false)
  // A user of the time before the hook.
  const isEarlierRevoked = await authorize(chosen, derivedSub(identityOf('u-7')))
  assert.equal((await answer()).status, 204)
  assert.equal(await isEarlierRevoked(), true)
})

test('global revocation: an identifier of nobody is 404, and a malformed or unsupported one 400', async () => {
  for (const sub_id of [
    { format: 'opaque', id: 'nobody' },
    { format: 'email', email: 'nobody@example.com' },
    { format: 'iss_sub', iss: 'https://unknown.example', sub: 'file-1' },
    { format: 'iss_sub', iss: `${server.issuer}/`, sub: 'file-1' },
  ]) {
    const answer = await revoke(sub_id)
    assert.deepEqual([answer.status, answer.json.reason], [404, 'admin_entry_unknown'])
  }
  for (const sub_id of [
    undefined,
    null,
    'file-1',
    [],
    {},
    { format: 'phone_number', phone_number: '+1' },
    { format: 'opaque' },
    { format: 'opaque', id: '' },
    { format: 'opaque', id: 'a\u0000b' },
    { format: 'opaque', id: ['file-1'] },
    { format: 'opaque', id: 'x'.repeat(1025) },
    { format: 'email', id: 'file-1' },
    { format: 'iss_sub', sub: 'file-1' },
  ]) {
    const answer = await revoke(sub_id)
    assert.deepEqual([answer.status, answer.json.reason], [400, 'admin_body_malformed'])
  }
})

test('global revocation: only the scope admin:users.revoke allows it, and it allows nothing else', async () => {
  const { json } = await signInFiona()
  const others = adminScopes.filter(scope => scope !== 'admin:users.revoke')
  const without = { authorization: `Bearer ${await adminToken(server, others)}` }
  const refused = await revoke({ format: 'opaque', id: 'file-1' }, without)
  assert.deepEqual([refused.status, refused.json.reason], [403, 'admin_scope_missing'])
  assert.equal((await refresh(json.refresh_token)).status, 200)
  const alone = { authorization: `Bearer ${await adminToken(server, 'admin:users.revoke')}` }
  for (const [method, target] of [
    ['GET', '/users/file-1'],
    ['GET', '/users/file-1/sessions'],
    ['POST', '/users/file-1/revocation'],
    ['POST', '/revocation'],
  ] as const)
    assert.equal((await call(method, target, undefined, alone)).status, 403, target)
  assert.equal((await revoke({ format: 'opaque', id: 'file-1' }, alone)).status, 204)
})

test('global revocation: the metadata name the endpoint while the admin API is on', async () => {
  const metadata = async (of: typeof server) =>
    (await of.send('GET', '/.well-known/openid-configuration')).json
  const { global_token_revocation_endpoint: endpoint, ...rest } = await metadata(server)
  assert.equal(endpoint, `${server.issuer}/admin/api/v1${path}`)
  assert.deepEqual(rest.global_token_revocation_endpoint_auth_methods_supported, ['Bearer', 'DPoP'])
  const without = await startAdmin({ ...adminWorld, dpop: { enabled: false } })
  const { global_token_revocation_endpoint_auth_methods_supported: methods } = await metadata(without.server)
  assert.deepEqual(methods, ['Bearer'])
})

test('global revocation: each revoked user is reported with the caller', async () => {
  const before = server.logged.length
  await revoke({ format: 'email', email: 'fiona@example.com' })
  const changes = server.logged.slice(before).filter(({ event }) => event === 'admin_change')
  assert.deepEqual(
    changes.map(({ operation, kind, id, client_id }) => ({ operation, kind, id, client_id })),
    [{ operation: 'revokeSubject', kind: 'user', id: 'file-1', client_id: 'operator' }],
  )
})
