/** Export and deletion of one person's data through the admin API, and what the server does afterwards. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newHash, sampleAuthorization, sampleCode, sampleSession } from '../contracts/stores/samples.ts'
import { adminWorld, matching, startAdmin } from '../support/admin.ts'
import { createBrowser } from '../support/browser.ts'
import { createCountingStores } from '../support/counting.ts'
import { authorizePath, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const password = 'seven purple kettles'
const web = ['web', 'a-secret-of-an-operator'] as const
const hook = 'https://hook.example/tessera'

/** Mails and webhooks wait, because nobody accepts them. */
const world = {
  ...adminWorld,
  clients: adminWorld.clients.map(client =>
    client.client_id === 'web'
      ? { ...client, backchannel_logout_uri: 'https://app.example/backchannel' }
      : client,
  ),
  webhooks: [{ url: hook, secrets: [`whsec_${Buffer.alloc(32, 1).toString('base64')}`] }],
}
const away = {
  outbound: async () => ({ ok: false, problem: 'no_response' }) as never,
  sendMail: () => Promise.reject(new Error('away')),
}

const person = {
  username: 'Dora',
  email: 'dora@example.com',
  email_verified: true,
  claims: { shoe: 'size 39' },
}

/** A user who signed in, at a browser too, guessed once, and waits for a mail. */
async function startWithUser() {
  const admin = await startAdmin(world, away)
  const { server, call } = admin
  const created = await call('POST', '/users', { ...person, password })
  assert.equal(created.status, 201, created.body)
  const browser = createBrowser(server)
  await signIn(browser, authorizePath({ redirect_uri: 'https://app.example/cb' }), {
    username: 'dora',
    password,
  })
  const direct = { grant_type: 'password', username: 'dora', scope: 'openid offline_access' }
  const tokens = (await server.token({ ...direct, password }, { client: web })).json
  await server.token({ ...direct, password: 'wrong' }, { client: web })
  const page = await browser.visit('/password/forgotten')
  await browser.submit(page, { username: 'dora@example.com' })
  await server.settled()
  return { ...admin, created, tokens, sub: created.json.sub as string, path: `/users/${created.json.sub}` }
}

test('personal data: an export contains everything about a user, and no secret', async () => {
  const { server, call, sub, path, tokens } = await startWithUser()
  const { status, json, body } = await call('GET', `${path}/personal-data`)
  assert.equal(status, 200, body)
  const { stored, ...head } = json
  assert.deepEqual(head, {
    ...{ format: 'tessera-personal-data', version: 1, issuer: server.issuer, sub },
    exported_at: new Date(server.clock.now() * 1000).toISOString(),
  })
  const user = stored.stored_users[0]
  assert.deepEqual([user.username, user.email, user.claims.shoe], ['Dora', person.email, 'size 39'])
  assert.deepEqual(user.withheld, ['password'])
  assert.match(user.created_at, /^2026-.*Z$/)
  assert.equal(stored.sessions.length, 1)
  assert.equal(stored.families.length, 1)
  assert.ok(stored.authorizations.length >= 2)
  assert.ok(stored.attempts.length > 0)
  assert.deepEqual(stored.waiting_mails[0].to, person.email)
  assert.ok(stored.waiting_mails[0].withheld.includes('sealed'))
  assert.ok(stored.webhook_messages.some(({ type }: { type: string }) => type === 'user.signed_in'))
  for (const secret of [
    tokens.access_token,
    tokens.refresh_token,
    '$argon2id$',
    '/password/reset?',
    password,
  ])
    assert.ok(!body.includes(secret), secret)
  const line = server.logged.find(({ event }) => event === 'user_exported')
  assert.deepEqual([line?.sub, line?.actor], [sub, 'operator'])
  // A user of the file has a record, and no rows.
  const configured = (await call('GET', '/users/file-1/personal-data')).json
  assert.equal(configured.record.username, 'fiona')
  assert.equal((await call('GET', '/users/nobody/personal-data')).json.reason, 'admin_entry_unknown')
  await server.close()
})

test('personal data: a deletion counts first, then deletes everything and ends access on every node', async () => {
  const { server, call, sub, path, created, tokens } = await startWithUser()
  const other = await createTestServer(world, { stores: server.stores, ...away })
  const info = () =>
    other.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${tokens.access_token}` } })
  assert.equal((await info()).status, 200)
  const dry = await call('DELETE', `${path}?dry_run=true`, undefined, matching(created))
  assert.equal(dry.json.sub, sub)
  const { rows } = dry.json
  assert.deepEqual([rows.stored_users, rows.sessions, rows.families], [1, 1, 1])
  assert.equal(rows.principals, undefined)
  assert.equal((await info()).status, 200)
  assert.equal((await call('DELETE', path)).status, 428)
  assert.equal((await call('DELETE', path, undefined, matching(created))).status, 204)
  assert.equal((await info()).status, 401)
  const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  const refused = await other.token(refresh, { client: web })
  assert.deepEqual([refused.json.error, refused.reason], ['invalid_grant', 'refresh_token_unknown'])
  await server.settled()
  const left = await server.stores.persons.rows(sub, { mails: [], events: [], counters: [] })
  assert.deepEqual(Object.keys(left).toSorted(), ['erasures', 'logout_notices', 'principals'])
  assert.deepEqual(await server.stores.persons.mails('', 10), [])
  const told = server.logged.filter(({ event }) => event === 'user_deleted')
  assert.deepEqual(
    told.map(line => [line.sub, line.actor]),
    [[sub, 'operator']],
  )
  for (const line of server.logged.filter(({ event }) => /^user_(deleted|exported)$/.test(event)))
    assert.doesNotMatch(JSON.stringify(line), /dora|39/i)
  assert.equal((await call('DELETE', path)).status, 404)
  // Receivers are told, once they respond: of the deletion, and of the sessions that it ended.
  const waiting = await server.stores.persons.messages({ event_id: '', endpoint: '' }, 100)
  assert.ok(waiting.length > 0)
  await server.runCleanUp()
  const still = await server.stores.persons.messages({ event_id: '', endpoint: '' }, 100)
  assert.deepEqual(still, waiting)
  await server.close()
  await other.close()
})

test('personal data: a waiting mail belongs to the user of its verified address, whoever else claims the address', async () => {
  const { server, call, path } = await startWithUser()
  const claiming = await call('POST', '/users', { username: 'eve', email: person.email, password })
  const other = `/users/${claiming.json.sub}`
  const mailsOf = async (user: string) =>
    (await call('GET', `${user}/personal-data`)).json.stored.waiting_mails?.length
  assert.deepEqual([await mailsOf(path), await mailsOf(other)], [1, undefined])
  assert.equal((await call('DELETE', other, undefined, matching(claiming))).status, 204)
  await server.settled()
  assert.equal(await mailsOf(path), 1)
  await server.close()
})

test('personal data: a person without a record is deleted; a user of the file must leave the file first', async () => {
  const { server, call } = await startAdmin(world, away)
  const { sessions, consents } = server.stores
  const sub = `fed_${'x'.repeat(43)}`
  const consent = { sub, client_id: 'web', scope: ['openid'], created_at: server.clock.now() }
  await consents.save(consent)
  await sessions.create(sampleSession({ sub, idp: 'corp' }))
  assert.equal((await call('DELETE', `/users/${sub}`, undefined, { 'if-match': '*' })).status, 412)
  assert.deepEqual((await call('DELETE', `/users/${sub}?dry_run=true`)).json.rows, {
    consents: 1,
    sessions: 1,
  })
  assert.equal((await call('GET', `/users/${sub}/personal-data`)).json.stored.consents.length, 1)
  assert.equal((await call('DELETE', `/users/${sub}`)).status, 204)
  assert.deepEqual(await consents.ofUser(sub, { limit: 10 }), [])
  assert.deepEqual(await sessions.ofUser(sub), [])
  assert.equal((await call('DELETE', `/users/${sub}`)).status, 404)
  assert.equal((await call('DELETE', '/users/file-1')).json.reason, 'admin_entry_read_only')
  const { users: _, ...without } = world
  await server.reconfigure({ ...without, users: [] })
  await consents.save({ ...consent, sub: 'file-1' })
  assert.equal((await call('DELETE', '/users/file-1')).status, 204)
  await server.close()
})

test('personal data: what requests wrote late is deleted by any process, and a new sign-in is kept', async () => {
  const { server, call } = await startAdmin(world, away)
  const { stores, clock } = server
  const [gone, back, earlier, left] = ['g', 'b', 'e', 'l'].map(one => `fed_${one.repeat(43)}`) as [
    string,
    string,
    string,
    string,
  ]
  const before = clock.now()
  const arrive = async (sub: string, auth_time: number, signed_in_at?: number) => {
    const times = { auth_time, ...(signed_in_at !== undefined && { signed_in_at }) }
    const session = sampleSession({
      sub,
      ...times,
      expires_at: before + 9999,
      idle_expires_at: before + 9999,
    })
    await stores.sessions.create(session)
    const authorization = sampleAuthorization({ sub, ...times, sid: session.sid })
    await stores.codes.issue(authorization, sampleCode(authorization))
    await stores.consents.save({ sub, client_id: newHash(), scope: [], created_at: auth_time })
  }
  for (const sub of [gone, back, earlier, left]) {
    await arrive(sub, before)
    assert.equal((await call('DELETE', `/users/${sub}`)).status, 204)
    // These requests began before.
    await arrive(sub, before)
  }
  clock.advance(60)
  await arrive(back, clock.now())
  // The provider states an earlier time.
  await arrive(earlier, before - 5000, clock.now())
  // On account pages, without a client.
  const times = { auth_time: clock.now(), expires_at: before + 9999, idle_expires_at: before + 9999 }
  await stores.sessions.create(sampleSession({ sub: left, ...times }))
  await stores.recoveryCodes.replace(left, [newHash()])
  const ending = { at: clock.now(), revokes: 'all', notices_until: clock.now() + 600 } as const
  for (const { sid } of await stores.sessions.ofUser(left)) await stores.sessions.end(sid, ending)
  // As if the process that deleted them had been killed.
  await server.close()
  const next = await createTestServer(world, { stores, at: clock.now(), ...away })
  await next.runCleanUp()
  const rowsOf = async (sub: string) => {
    const rows = await stores.persons.rows(sub, { mails: [], events: [], counters: [] })
    return Object.entries(rows).map(([section, found]) => `${section} ${found.length}`)
  }
  assert.deepEqual(await rowsOf(gone), ['erasures 1'])
  // Nothing is left of the sign-in, but what the person did is kept.
  assert.equal(await stores.recoveryCodes.count(left), 1)
  const timesOf = async (sub: string) =>
    (await stores.sessions.ofUser(sub)).map(({ auth_time, signed_in_at }) => [auth_time, signed_in_at])
  assert.deepEqual(await timesOf(back), [[before + 60, undefined]])
  assert.deepEqual(await timesOf(earlier), [[before - 5000, before + 60]])
  next.clock.advance(600)
  await next.runCleanUp()
  assert.deepEqual(await stores.persons.erasures(), [])
  assert.deepEqual(await rowsOf(gone), [])
  assert.equal(await stores.recoveryCodes.count(left), 1)
  for (const sub of [back, earlier]) assert.equal((await stores.sessions.ofUser(sub)).length, 1)
  await next.close()
})

test('personal data: mails and events that wait are opened once for all deletions that are not finished', async () => {
  const { stores, calls } = createCountingStores()
  const server = await createTestServer(world, { stores, ...away })
  const { persons, consents } = stores
  const subs = Array.from({ length: 20 }, (_, index) => `fed_${String(index).padStart(43, 'x')}`)
  const consentOf = (sub: string) =>
    consents.save({ sub, client_id: 'web', scope: [], created_at: server.clock.now() })
  for (const sub of subs) {
    await consentOf(sub)
    assert.ok((await server.personalData.erase(sub, 'application')).ok)
    // Written late.
    await consentOf(sub)
  }
  await server.settled()
  calls.length = 0
  await server.runCleanUp()
  assert.equal(calls.filter(call => call === 'persons.messages').length, 1)
  assert.equal(calls.filter(call => call === 'persons.mails').length, 1)
  for (const sub of subs) assert.equal(await consents.find(sub, 'web'), undefined)
  assert.equal((await persons.erasures()).length, 20)
  await server.close()
})
