/** Users, their passwords, second factors and sessions through the admin API. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Seconds } from '@tessera/protocol/brand'
import { createCursors } from '../../packages/server/src/endpoints/admin/cursor.ts'
import { replyWithPage } from '../../packages/server/src/endpoints/admin/list.ts'
import type { Call } from '../../packages/server/src/endpoints/admin/operation.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { sampleAuthorization, sampleCode, sampleSession } from '../contracts/stores/samples.ts'
import { adminToken, adminWorld, matching, startAdmin } from '../support/admin.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizePath, signIn } from '../support/sign-in.ts'

const admin = await startAdmin()
const { server, call } = admin
const password = 'seven purple kettles'

const signsIn = async (username: string, word: string): Promise<boolean> => {
  const { status } = await server.token(
    { grant_type: 'password', username, password: word, scope: 'openid' },
    { client: ['web', 'a-secret-of-an-operator'] },
  )
  return status === 200
}

const changes = () =>
  server.logged
    .filter(({ event }) => event === 'admin_change')
    .map(({ operation, kind, id, client_id, sub }) => ({ operation, kind, id, client_id, sub }))

test('admin users: a created user is shown without a password, and signs in', async () => {
  const created = await call('POST', '/users', {
    ...{ username: 'Dora', email: 'dora@example.com', email_verified: true, groups: ['staff'] },
    ...{ claims: { name: 'Dora D.' }, password },
  })
  assert.equal(created.status, 201, created.body)
  const { sub } = created.json
  assert.equal(created.headers.location, `${server.issuer}/admin/api/v1/users/${sub}`)
  assert.deepEqual(created.json, {
    sub,
    ...{ username: 'Dora', email: 'dora@example.com', email_verified: true, groups: ['staff'] },
    ...{ claims: { name: 'Dora D.' }, active: true, origin: 'stored', has_password: true },
    created_at: server.clock.now(),
  })
  const read = await call('GET', `/users/${sub}`)
  assert.deepEqual(read.json, created.json)
  assert.equal(read.headers.etag, '"1"')
  assert.equal((await call('GET', `/users/${sub}`, undefined, { 'if-none-match': '"1"' })).status, 304)
  assert.equal(await signsIn('dora', password), true)
  assert.deepEqual(changes(), [
    { operation: 'createUser', kind: 'user', id: sub, client_id: 'operator', sub: 'operator' },
  ])
})

test('admin users: a chosen sub is created once, replaced with If-Match, and removed', async () => {
  const record = { username: 'emil', claims: { name: 'Emil' }, password }
  assert.equal((await call('PUT', '/users/u-1', record)).status, 201)
  const blind = await call('PUT', '/users/u-1', record)
  assert.deepEqual([blind.status, blind.json.reason], [428, 'admin_precondition_missing'])
  assert.equal((await call('PUT', '/users/u-1', record, { 'if-none-match': '*' })).status, 412)
  const again = await call('PUT', '/users/u-1', record, { 'if-match': '"1"' })
  assert.equal(again.status, 422)
  assert.equal(again.json.errors[0].path, 'password')
  // RFC 9110 §13.1.1: compared strongly.
  const weak = await call('PUT', '/users/u-1', { username: 'emilia' }, { 'if-match': 'W/"1"' })
  assert.deepEqual([weak.status, weak.json.reason], [412, 'admin_precondition_failed'])
  const epoch = async () => (await server.stores.storedUsers.find('u-1'))?.epoch
  const before = await epoch()
  const replaced = await call('PUT', '/users/u-1', { username: 'emilia' }, { 'if-match': '"1"' })
  assert.equal(replaced.status, 200)
  // An active user keeps the sign-ins in progress.
  assert.equal(await epoch(), before)
  assert.deepEqual(
    [replaced.json.username, replaced.json.claims, replaced.json.has_password, replaced.headers.etag],
    ['emilia', {}, true, '"2"'],
  )
  assert.equal((await call('DELETE', '/users/u-1')).status, 428)
  assert.equal((await call('DELETE', '/users/u-1', undefined, { 'if-match': '"1"' })).status, 412)
  assert.equal(
    (await call('DELETE', '/users/u-1?dry_run=true', undefined, { 'if-match': '"2"' })).status,
    200,
  )
  assert.equal((await call('DELETE', '/users/u-1', undefined, { 'if-match': '"2"' })).status, 204)
  assert.equal((await call('DELETE', '/users/u-1', undefined, { 'if-match': '*' })).status, 404)
  const gone = await call('GET', '/users/u-1')
  assert.deepEqual([gone.status, gone.json.reason], [404, 'admin_entry_unknown'])
  // Tokens may contain the sub of the deleted user.
  const reused = await call('PUT', '/users/u-1', record)
  assert.deepEqual([reused.status, reused.json.reason], [409, 'admin_entry_exists'])
})

test('admin users: a merge patch changes the named members, and disabling ends access in the same write', async () => {
  const created = await call('POST', '/users', {
    ...{ username: 'finn', email: 'finn@example.com', email_verified: true },
    ...{ claims: { name: 'Finn', level: 3 }, roles: ['reader'], password },
  })
  const path = `/users/${created.json.sub}`
  const before = await server.stores.storedUsers.find(created.json.sub)
  const { json } = await server.token(
    { grant_type: 'password', username: 'finn', password, scope: 'openid offline_access' },
    { client: ['web', 'a-secret-of-an-operator'] },
  )
  server.clock.advance(60)
  const patch = { claims: { level: null, team: 'blue' }, roles: null, groups: ['a', 'b'], active: false }
  const patched = await call('PATCH', path, patch, matching(created))
  assert.equal(patched.status, 200, patched.body)
  assert.deepEqual(patched.json, {
    sub: created.json.sub,
    ...{ username: 'finn', email: 'finn@example.com', email_verified: true, groups: ['a', 'b'] },
    ...{ claims: { name: 'Finn', team: 'blue' }, active: false, origin: 'stored', has_password: true },
    created_at: created.json.created_at,
    disabled_at: server.clock.now(),
  })
  assert.equal(await signsIn('finn', password), false)
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token },
    { client: ['web', 'a-secret-of-an-operator'] },
  )
  assert.equal(refreshed.json.error, 'invalid_grant')
  assert.equal((await call('PATCH', path, { active: true }, matching(patched))).status, 200)
  assert.equal(await signsIn('finn', password), true)
  // A sign-in whose password was checked before the patch begins no session afterwards.
  const late = sampleSession({ sub: created.json.sub, epoch: before?.epoch })
  assert.equal(await server.stores.sessions.create(late), false)
  // The patch does not make the address verified again at another time.
  const stored = await server.stores.storedUsers.find(created.json.sub)
  assert.equal(stored?.email_verified_at, created.json.created_at)
})

test('admin users: of two writers with the same ETag, one succeeds', async () => {
  const created = await call('POST', '/users', { username: 'race' })
  const path = `/users/${created.json.sub}`
  const writers = ['a', 'b', 'c'].map(name => call('PATCH', path, { claims: { name } }, matching(created)))
  const results = (await Promise.all(writers)).map(({ json }) => json.reason ?? 'changed')
  assert.deepEqual(results.toSorted(), ['admin_precondition_failed', 'admin_precondition_failed', 'changed'])
  const words = ['seven purple kettles', 'eight purple kettles'].map(word =>
    call('PUT', `${path}/password`, { password: word }),
  )
  const set = (await Promise.all(words)).map(({ status, json }) => json?.reason ?? status)
  assert.deepEqual(set.toSorted(), [204, 'admin_entry_changed'])
  const both = await Promise.all([
    call('PATCH', path, { username: 'raced' }, { 'if-match': '"3"' }),
    call('DELETE', path, undefined, { 'if-match': '"3"' }),
  ])
  assert.equal(
    both.filter(({ status }) => status === 412).length,
    1,
    JSON.stringify(both.map(one => one.status)),
  )
})

test('admin users: names and addresses stay unique, and conflicts say so', async () => {
  const one = await call('POST', '/users', { username: 'gina', email: 'g@example.com', email_verified: true })
  const other = await call('POST', '/users', { username: 'gus' })
  const taken = [
    await call('POST', '/users', { username: 'GINA' }),
    await call('POST', '/users', { username: 'fiona' }),
    await call('POST', '/users', { username: 'greta', email: 'G@example.com', email_verified: true }),
    await call('POST', '/users', { username: 'greta', sub: one.json.sub }),
    await call('POST', '/users', { username: 'greta', sub: 'operator' }),
    await call('PATCH', `/users/${other.json.sub}`, { username: 'gina' }, matching(other)),
    await call(
      'PATCH',
      `/users/${other.json.sub}`,
      { email: 'g@example.com', email_verified: true },
      matching(other),
    ),
  ]
  for (const { status, json } of taken) assert.deepEqual([status, json.reason], [409, 'admin_entry_exists'])
  // The same name in a tenant is another user's.
  assert.equal((await call('POST', '/users', { username: 'gina', tenant: 'acme' })).status, 201)
})

test('admin users: each fault of a body is named with its place, and nothing is stored', async () => {
  const { status, json, headers } = await call('POST', '/users', {
    ...{ username: '', email: 'no address', claims: { email: 'x', deep: 1 }, groups: ['a', ' b'] },
    ...{ active: 'yes', unknown: 1, sub: 'ü', password, password_hash: '$2b$' },
  })
  assert.equal(status, 422)
  assert.equal(headers['content-type'], 'application/problem+json')
  const paths = json.errors.map(({ path }: { path: string }) => path)
  for (const path of ['username', 'email', 'claims.email', 'groups[1]', 'active', 'unknown', 'sub'])
    assert.ok(paths.includes(path), `${path} is missing in ${paths}`)
  const others = {
    password: { username: 'hal', password: 'kettle' },
    password_hash: { username: 'hal', password_hash: '$md5$x' },
    tenant: { username: 'hal', tenant: 'globex' },
    username: { username: 'h\u0007al' },
  }
  for (const [path, body] of Object.entries(others)) {
    const refused = await call('POST', '/users', body)
    assert.deepEqual([refused.status, refused.json.errors[0].path], [422, path], refused.body)
    assert.ok(!refused.body.includes('$md5$') && !refused.body.includes('kettle'), refused.body)
  }
  const moved = await call('POST', '/users', { username: 'hal' })
  const path = `/users/${moved.json.sub}`
  const refused = await call('PATCH', path, { tenant: 'acme' }, matching(moved))
  assert.deepEqual([refused.status, refused.json.errors[0].path], [422, 'tenant'])
  assert.equal((await call('PATCH', path, { username: null }, matching(moved))).status, 422)
})

test('admin users: claims in any language that are members of a user or reserved are refused', async () => {
  for (const [claim, problem] of [
    ['email#de', 'it is a member of the user'],
    ['roles', 'it is a member of the user'],
    ['tenant', 'only this server may set it'],
    ['sub#de', 'only this server may set it'],
  ] as const) {
    const { status, json } = await call('POST', '/users', { username: 'ida', claims: { [claim]: 'x' } })
    assert.deepEqual([status, json.errors[0].problem], [422, problem], claim)
  }
})

test('admin users: dry_run checks everything and changes nothing', async () => {
  const before = changes().length
  const made = await call('POST', '/users?dry_run=true', { username: 'ida', password })
  assert.deepEqual([made.status, made.json.username, made.headers.location], [200, 'ida', undefined])
  assert.equal((await call('GET', `/users/${made.json.sub}`)).status, 404)
  assert.equal((await call('POST', '/users?dry_run=true', { username: 'dora' })).status, 409)
  assert.equal((await call('PUT', '/users/u-dry?dry_run=true', { username: 'ida' })).status, 200)
  assert.equal((await call('GET', '/users/u-dry')).status, 404)
  const ida = await call('POST', '/users?dry_run=false', { username: 'ida', password })
  const path = `/users/${ida.json.sub}`
  const patched = await call('PATCH', `${path}?dry_run=true`, { active: false }, matching(ida))
  assert.deepEqual([patched.status, patched.json.active], [200, false])
  const set = await call('PUT', `${path}/password?dry_run=true`, { password: 'another good phrase' })
  assert.equal(set.status, 200)
  assert.equal((await call('PUT', `${path}/password?dry_run=true`, { password: 'ida' })).status, 422)
  assert.equal(await signsIn('ida', password), true)
  assert.deepEqual((await call('GET', path)).json, ida.json)
  assert.equal(changes().length, before + 1)
})

test('admin users: a password is set, a hash is imported, and both end the sessions before', async () => {
  const jo = await call('POST', '/users', { username: 'jo' })
  const path = `/users/${jo.json.sub}/password`
  assert.equal(await signsIn('jo', password), false)
  const set = await call('PUT', path, { password })
  assert.deepEqual([set.status, set.body], [204, ''])
  assert.equal(await signsIn('jo', password), true)
  assert.equal((await call('PUT', path, { password: 'other purple kettles' }, matching(jo))).status, 412)
  // From the test vectors of bcrypt.
  const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
  assert.equal((await call('PUT', path, { password_hash: hash })).status, 204)
  assert.equal(await signsIn('jo', 'U*U'), true)
  assert.equal((await call('PUT', path, {})).status, 422)
  assert.equal((await call('PUT', '/users/nobody/password', { password })).status, 404)
  assert.equal((await call('PUT', '/users/file-1/password', { password })).status, 409)
})

test('admin users: users of the file are shown with their origin, and are read-only', async () => {
  const { status, json, headers } = await call('GET', '/users/file-1')
  assert.deepEqual([status, headers.etag], [200, undefined])
  assert.deepEqual(json, {
    ...{ sub: 'file-1', username: 'fiona', email: 'fiona@example.com', email_verified: true },
    ...{ claims: { name: 'Fiona' }, roles: ['staff'], active: true, origin: 'file' },
  })
  const any = { 'if-match': '*' }
  for (const refused of [
    await call('PUT', '/users/file-1', { username: 'x' }, any),
    await call('PATCH', '/users/file-1', { username: 'x' }, any),
    await call('DELETE', '/users/file-1', undefined, any),
  ])
    assert.deepEqual([refused.status, refused.json.reason], [409, 'admin_entry_read_only'])
})

test('admin users: pages follow each other without gaps while users are added and removed', async () => {
  const own = await startAdmin()
  const subs = ['a', 'c', 'e', 'g', 'i', 'm']
  for (const sub of subs)
    await own.call('PUT', `/users/${sub}`, {
      username: `user-${sub}`,
      active: sub !== 'c',
      ...(sub === 'e' && { tenant: 'acme' }),
    })
  const seen: string[] = []
  let query = '?limit=2'
  for (let pages = 0; ; pages++) {
    const { json } = await own.call('GET', `/users${query}`)
    seen.push(...json.items.map(({ sub }: { sub: string }) => sub))
    if (pages === 0) {
      await own.call('PUT', '/users/b', { username: 'user-b' })
      await own.call('PUT', '/users/k', { username: 'user-k' })
      await own.call('DELETE', '/users/g', undefined, { 'if-match': '*' })
    }
    if (json.next_cursor === undefined) break
    query = `?limit=2&cursor=${json.next_cursor}`
  }
  assert.deepEqual(seen, ['a', 'c', 'e', 'file-1', 'i', 'k', 'm'])
  const found = async (filter: string) =>
    (await own.call('GET', `/users?${filter}`)).json.items.map(({ sub }: { sub: string }) => sub)
  assert.deepEqual(await found('active=false'), ['c'])
  assert.deepEqual(await found('tenant=acme'), ['e'])
  assert.deepEqual(await found('origin=file'), ['file-1'])
  assert.deepEqual(await found('username=USER-A'), ['a'])
  assert.deepEqual(await found('username=user-e'), [])
  assert.deepEqual(await found('username=user-e&tenant=acme'), ['e'])
  assert.deepEqual(await found('email=FIONA@example.com'), ['file-1'])
  assert.deepEqual(await found('username_prefix=User-&active=true&limit=2'), ['a', 'b'])
  await own.server.close()
})

test('admin users: sessions are listed and ended, and second factors removed', async () => {
  const request = authorizePath({ client_id: 'web', scope: 'openid' })
  await signIn(createBrowser(server), request, { username: 'dora', password, button: 'login' })
  const { json: users } = await call('GET', '/users?username=dora')
  const path = `/users/${users.items[0].sub}`
  const { json } = await call('GET', `${path}/sessions`)
  assert.equal(json.items.length, 1)
  const { sid, ...session } = json.items[0]
  assert.deepEqual([session.sub, session.idp, session.amr], [users.items[0].sub, 'local', ['pwd']])
  assert.ok(!('hash' in session))
  assert.equal((await call('DELETE', `${path}/sessions/other`)).status, 404)
  assert.deepEqual((await call('DELETE', `${path}/sessions/${sid}?dry_run=true`)).json, { sids: [sid] })
  assert.deepEqual((await call('DELETE', `${path}/sessions?dry_run=true`)).json, { sids: [sid] })
  assert.deepEqual((await call('DELETE', `/users/u-2/sessions/${sid}`)).status, 404)
  assert.deepEqual((await call('DELETE', `${path}/sessions/${sid}`)).json, { sids: [sid] })
  assert.deepEqual((await call('DELETE', `${path}/sessions`)).json, { sids: [] })
  assert.deepEqual((await call('GET', `${path}/sessions`)).json, { items: [] })
  await server.stores.totpSecrets.add({
    sub: users.items[0].sub,
    sealed: new Uint8Array(8),
    last_step: 0,
    created_at: 0 as Seconds,
  })
  assert.deepEqual((await call('DELETE', `${path}/second-factors`)).json, { removed: 1 })
  assert.deepEqual((await call('DELETE', `${path}/second-factors`)).json, { removed: 0 })
})

test('admin keys: the keys are listed without private parts, and rotated', async () => {
  const before = await call('GET', '/keys')
  assert.equal(before.status, 200)
  for (const key of before.json.items)
    assert.deepEqual(Object.keys(key).toSorted(), ['active_from', 'alg', 'created_at', 'kid', 'state'])
  const after = await call('POST', '/keys/rotation', { now: true })
  assert.equal(after.json.items.length, before.json.items.length * 2)
  assert.deepEqual(changes().at(-1)?.operation, 'rotateKeys')
})

test('admin: an issuer without admin_api serves nothing and knows no scope of it', async () => {
  const off = { ...adminWorld, admin_api: {} }
  await assert.rejects(startAdmin(off), /is not a known scope/)
  const own = await startAdmin({ ...adminWorld, tenants: [{ name: 'acme', issuer: 'path' }] })
  const answer = await own.server.send('GET', '/t/acme/admin/api/v1/users')
  assert.equal(answer.status, 404)
  const metadata = async (path: string) =>
    (await own.server.send('GET', `${path}/.well-known/openid-configuration`)).body
  assert.ok(!(await metadata('/t/acme')).includes('admin'))
  assert.ok(!(await metadata('')).includes('admin:'), 'its scopes are not announced')
  await own.server.close()
})

test('admin users: only who may set passwords also sets the verified address, which receives reset links', async () => {
  const made = await call('POST', '/users', {
    username: 'vera',
    email: 'vera@example.com',
    email_verified: true,
  })
  const path = `/users/${made.json.sub}`
  const authorization = `Bearer ${await adminToken(server, ['admin:users.read', 'admin:users.write'])}`
  const asWriter = (method: string, body: object, from = made) =>
    call(method, path, body, { authorization, ...matching(from) })
  const other = { email: 'other@example.com', email_verified: true }
  for (const refused of [
    await asWriter('PATCH', { email: other.email }),
    await asWriter('PUT', { username: 'vera', ...other }),
  ]) {
    assert.deepEqual([refused.status, refused.json.reason], [403, 'admin_scope_missing'], refused.body)
    assert.match(String(refused.headers['www-authenticate']), /scope="admin:users\.passwords"/)
  }
  const kept = await asWriter('PATCH', { email: 'vera@example.com', groups: ['staff'] })
  assert.equal(kept.status, 200, kept.body)
  const unverified = await asWriter('PATCH', { email: other.email, email_verified: false }, kept)
  assert.deepEqual([unverified.status, unverified.json.email_verified], [200, false], unverified.body)
  const verified = await asWriter('PATCH', { email_verified: true }, unverified)
  assert.equal(verified.status, 403, verified.body)
  // A provider's user with the address may be linked to the new user.
  const prepared = { username: 'walter', email: 'walter@corp.example' }
  const hash = '$2a$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
  for (const secret of [{ password }, { password_hash: hash }])
    for (const send of [
      () => call('POST', '/users', { ...prepared, ...secret, email_verified: true }, { authorization }),
      () =>
        call('PUT', '/users/walter-1', { ...prepared, ...secret, email_verified: true }, { authorization }),
      () =>
        call(
          'POST',
          '/users?dry_run=true',
          { ...prepared, ...secret, email_verified: true },
          { authorization },
        ),
    ]) {
      const refused = await send()
      assert.deepEqual([refused.status, refused.json.reason], [403, 'admin_scope_missing'], refused.body)
    }
  // The sub of a person without a record, who has signed in.
  await server.stores.sessions.create(sampleSession({ sub: 'staff-xenia' }))
  const agreed = sampleAuthorization({ sub: 'staff-yves', expires_at: server.clock.now() + 600 })
  await server.stores.codes.issue(agreed, sampleCode(agreed))
  for (const sub of ['staff-xenia', 'staff-yves']) {
    const taken = await call('PUT', `/users/${sub}`, { username: sub, password }, { authorization })
    assert.deepEqual([taken.status, taken.json.reason], [403, 'admin_scope_missing'], taken.body)
    // The address would receive a link to set a password.
    const reset = { username: sub, email: 'walter@corp.example', email_verified: true }
    assert.equal((await call('PUT', `/users/${sub}`, reset, { authorization })).status, 403)
    assert.equal((await call('PUT', `/users/${sub}`, { username: sub }, { authorization })).status, 201)
  }
  for (const [sub, record] of [
    ['walter-1', { ...prepared, email_verified: true }],
    ['walter-2', { username: 'walter2', email: 'walter2@corp.example', password }],
  ] as const)
    assert.equal((await call('PUT', `/users/${sub}`, record, { authorization })).status, 201)
  assert.equal((await call('PATCH', path, other, matching(unverified))).status, 200)
})

const noOne = async () => ({ ok: false }) as const
for (const [vouching, input, isRefused] of [
  ['a password validator', { validators: { password: { check: noOne } } }, true],
  ['an extension grant', { grants: [{ grantType: 'urn:x', parameters: {}, decide: noOne }] }, true],
  ['the hook federation.subject', { federation: { subject: async () => undefined } }, true],
  [
    'a provider with a credentialAuthority',
    { identity_providers: [{ name: 'staff', type: 'custom', credentialAuthority: { check: noOne } }] },
    true,
  ],
  ['no module', {}, false],
] as const)
  test(`admin users: with ${vouching}, ${isRefused ? 'only who may set passwords gives' : 'a writer may also give'} a user with a chosen sub a way to sign in`, async () => {
    const own = await startAdmin({ ...adminWorld, ...input })
    const scopes = ['admin:users.read', 'admin:users.write']
    const authorization = `Bearer ${await adminToken(own.server, scopes)}`
    const verified = { email: 'staff-1@example.com', email_verified: true }
    const send = async (method: string, path: string, body: object, headers: object = { authorization }) =>
      (await own.call(method, path, body, headers as never)).status
    for (const [username, means] of [['staff-1', verified] as const, ['staff-2', { password }] as const])
      assert.equal(await send('PUT', `/users/${username}`, { username, ...means }), isRefused ? 403 : 201)
    assert.equal(
      await send('POST', '/users', { sub: 'staff-3', username: 'staff-3', password }),
      isRefused ? 403 : 201,
    )
    // Without a way to sign in, and with a random `sub`.
    assert.equal(await send('PUT', '/users/staff-4', { username: 'staff-4', groups: ['staff'] }), 201)
    assert.equal(await send('POST', '/users', { username: 'someone', password }), 201)
    assert.equal(await send('PUT', '/users/staff-5', { username: 'staff-5', password }, {}), 201)
    await own.server.close()
  })

test('admin users: a request for a page reads a limited number of rows, however few match', async () => {
  let read = 0
  const stored = ({ after = '0', limit }: { readonly after?: string; readonly limit: number }) => {
    read += limit
    if (read > 10_000) return []
    return Array.from({ length: limit }, (_, index) => String(Number(after) + index + 1).padStart(9, '0'))
  }
  const reply = await replyWithPage(
    { query: {}, operation: 'listUsers' } as Call,
    createCursors(createDerivedKeys(Buffer.alloc(32, 1))),
    { own: [], stored, idOf: id => id, fits: () => false, show: id => ({ id }) },
  )
  assert.equal(read, 2000)
  assert.ok(reply.ok && 'next_cursor' in (reply.body ?? {}))
})

test('admin users: a search for an address finds the one user of the file who has verified it', async () => {
  const [fiona] = adminWorld.users
  const { claims } = fiona
  const others = [
    { sub: 'file-2', username: 'gina', claims: { ...claims, email: 'gina@example.com' } },
    { sub: 'file-3', username: 'hugo', claims: { ...claims, email_verified: false } },
    { sub: 'file-4', username: 'ida', claims: { name: 'Ida' } },
  ]
  const own = await startAdmin({
    ...adminWorld,
    users: [fiona, ...others.map(other => ({ ...other, password: fiona.password }))],
  })
  const { json } = await own.call('GET', '/users?email=fiona@example.com')
  assert.deepEqual(
    json.items.map(({ sub }: { sub: string }) => sub),
    ['file-1'],
  )
  await own.server.close()
})

test('admin users: a password that is the name or the address of the user is refused', async () => {
  const record = { username: 'Wilhelmina-Karoline', email: 'jacobina.long@example.com' }
  for (const guessable of ['wilhelmina-karoline', 'jacobina.long@example.com']) {
    const { status, json } = await call('POST', '/users', { ...record, password: guessable })
    assert.equal(status, 422, guessable)
    assert.deepEqual(
      json.errors.map(({ path, problem }: { path: string; problem: string }) => [path, problem]),
      [['password', 'it is too similar to the name of the user']],
    )
  }
})
