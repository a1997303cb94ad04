/**
 * Every lock that a statement takes, and every transaction of several round trips: it waits while another transaction
 * holds its rows, and then sees the changes; it skips rows that it may skip. So a removed lock fails a test. A stalled
 * transaction blocks others for a limited time.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { auditEndpoint } from '../../packages/server/src/model/audit-record.ts'
import type { Stores, TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { lockAll, openPool } from '../../packages/server/src/storage/postgres/database.ts'
import { createLockQueues } from '../../packages/server/src/storage/postgres/lock-queues.ts'
import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { accessEnding, erasureOf } from '../contracts/stores/access.ts'
import { samplePasskey } from '../contracts/stores/factors.ts'
import { sampleRegisteredClient } from '../contracts/stores/registered-clients.ts'
import {
  day,
  enablePrincipals,
  issuedCode,
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleCommit,
  sampleDevice,
  sampleFamily,
  sampleReferenceToken,
  sampleSession,
  sampleUser,
  tally,
  unknownAuthorization,
} from '../contracts/stores/samples.ts'
import { sampleMessage } from '../contracts/stores/webhook-messages.ts'
import { openDelayedTcp } from '../support/delayed-tcp.ts'
import { providePostgres } from '../support/postgres.ts'
import { passingOver, waitingFor } from '../support/postgres-locks.ts'
import { assertCovers } from './coverage.ts'

const postgres = providePostgres()
let url = ''
let tenantStores: TenantStores
let stores: Stores
before(async () => {
  url = await (await postgres()).database()
  tenantStores = await openPostgresTenantStores({ url })
  stores = tenantStores.main
  await enablePrincipals(stores)
})
after(() => tenantStores?.close())

const advisory = (name: string): string => lockAll([`tessera ${name}`])
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const ending = { at: now + 1, revokes: 'all', notices_until: now + day } as const
const sampleMail = () => ({
  id: newHash(),
  sealed: new Uint8Array(4),
  attempts: 0,
  due_at: now,
  expires_at: now + day,
})

async function addedUser() {
  const user = sampleUser()
  assert.ok(await stores.storedUsers.add(user))
  return user
}
const epochRaised = (sub: string) => `update stored_users set epoch = epoch + 1 where sub = ${quoted(sub)}`

/** A row for each lock. `run` fails without it; a string says why it needs no test. */
const locks: Readonly<Record<string, string | (() => Promise<void>)>> = {
  async 'createDevices for share: approval waits for the end of the session that approves'() {
    const [session, device] = [sampleSession(), sampleDevice()]
    await stores.sessions.create(session)
    await stores.devices.issue(device)
    const authorization = sampleAuthorization({ sid: session.sid })
    const approve = () => stores.devices.approve(device.user_code_hash, authorization, now, session.sid)
    assert.equal(
      await waitingFor(url, `delete from sessions where sid = ${quoted(session.sid)}`, approve),
      false,
    )
    assert.equal(await stores.authorizations.find(authorization.id), undefined)
    assert.equal((await stores.devices.find(device.hash))?.device.status, 'pending')
  },
  async 'joinSession for key share: a client joins only a session that has not ended'() {
    const session = sampleSession()
    await stores.sessions.create(session)
    const join = () => stores.sessions.join(session.sid, 'web')
    assert.equal(
      await waitingFor(url, `delete from sessions where sid = ${quoted(session.sid)}`, join),
      false,
    )
  },
  async 'createConsents for share: a consent that is being taken back does not count'() {
    const consent = { sub: newHash(), client_id: 'web', scope: ['openid'], created_at: now }
    await stores.consents.save(consent)
    const stands = async () => stores.consents.stillGiven(consent.sub, 'web')
    assert.equal(
      await waitingFor(url, `delete from consents where sub = ${quoted(consent.sub)}`, stands),
      false,
    )
  },
  async 'sessionEpoch epochGuard: a sign-in checked before the end of the user’s access makes no session'() {
    const { sub } = await addedUser()
    const session = sampleSession({ sub, epoch: 0 })
    assert.equal(await waitingFor(url, epochRaised(sub), () => stores.sessions.create(session)), false)
    const kept = sampleSession({ sub, epoch: 1 })
    assert.equal(await stores.sessions.create(kept), true)
    const renewed = { ...sampleSession({ sub, epoch: 1 }), sid: kept.sid }
    const renew = () => stores.sessions.renew(kept.hash, renewed)
    assert.equal(await waitingFor(url, epochRaised(sub), renew), false)
  },
  async 'pendingEpoch epochGuard: nor does it wait for a second factor'() {
    const { sub } = await addedUser()
    const pending = { ...sampleSession({ sub, epoch: 0 }), expires_at: now + day } as never
    assert.equal(await waitingFor(url, epochRaised(sub), () => stores.pendingSignIns.create(pending)), false)
  },
  'epochGuard for share': 'the lock of each epochGuard',
  async 'checksOf epochGuard: nor does it get tokens'() {
    const { sub } = await addedUser()
    const issue = { authorization: sampleAuthorization({ sub }) }
    const commit = () => stores.commit(sampleCommit({ sub, epoch: 0, issue }))
    assert.equal(await waitingFor(url, epochRaised(sub), commit), 'revoked')
  },
  async 'checksOf for share: a user who is being disabled gets no authorization'() {
    const { sub } = await addedUser()
    const issue = { authorization: sampleAuthorization({ sub }) }
    const disabled = `update standing set stands = 0 where kind = 'stored_user' and id = ${quoted(sub)}`
    assert.equal(
      await waitingFor(url, disabled, () => stores.commit(sampleCommit({ sub, issue }))),
      'revoked',
    )
  },
  'takeBack for update': 'one statement; the lock only keeps the order of keys, and races of attempts try it',
  'skipLocked for update': 'the text of each `skipLocked`',
  'aloneIn for update': 'tested where nodes migrate at once (contracts/postgres.test.ts)',
  async 'createLogoutNotices skipLocked: what another node claims is passed over'() {
    const session = sampleSession()
    await stores.sessions.create(session)
    await stores.sessions.join(session.sid, 'web')
    await stores.sessions.end(session.sid, ending)
    const claim = () => stores.logoutNotices.claim(now + 1, now + 60, 10_000)
    assert.deepEqual(await passingOver(url, 'select 1 from logout_notices for update', claim), [])
    assert.notDeepEqual(await claim(), [])
  },
  async 'createWaitingMails skipLocked: what another node claims is passed over'() {
    await stores.waitingMails.add(sampleMail(), 1_000_000)
    const claim = () => stores.waitingMails.claim(now + 1, now + 60, 10_000)
    assert.deepEqual(await passingOver(url, 'select 1 from waiting_mails for update', claim), [])
    assert.notDeepEqual(await claim(), [])
  },
  async 'createWebhookStores skipLocked: what another node claims is passed over'() {
    const message = sampleMessage({ endpoint: newHash() })
    await stores.webhookMessages.add([message])
    const claim = () => stores.webhookMessages.claim(message.endpoint, now + 1, now + 60, 10_000)
    assert.deepEqual(await passingOver(url, 'select 1 from webhook_messages for update', claim), [])
    assert.notDeepEqual(await claim(), [])
  },
  async 'endExpired skipLocked: what a request holds is passed over'() {
    const session = sampleSession({ expires_at: now, idle_expires_at: now })
    await stores.sessions.create(session)
    const end = () => stores.sessions.endExpired({ ...ending, at: now + 1 }, 10_000)
    assert.deepEqual(await passingOver(url, 'select 1 from sessions for update', end), [])
    assert.ok((await end()).some(ended => ended.session.sid === session.sid))
  },
  async 'putOff skipLocked: nor is it put off'() {
    const session = sampleSession({ idle_expires_at: now + day })
    await stores.sessions.create(session)
    const earlier = `update sessions set clean_at = ${now} where sid = ${quoted(session.sid)}`
    const end = () => stores.sessions.endExpired({ ...ending, at: now + 1 }, 10_000)
    await passingOver(url, `${earlier}; commit; begin; select 1 from sessions for update`, end)
  },
  async 'createAuthorizations skipLocked: what a request extends is passed over, and what a user keeps is not even locked'() {
    const sub = newHash()
    const issued = async (expires_at: number) => {
      const authorization = sampleAuthorization({ sub, expires_at })
      const code = sampleCode(authorization)
      await stores.codes.issue(authorization, code)
      await stores.codes.burn(code.hash, now)
      return authorization.id
    }
    const [kept, surplus] = [await issued(now + 2 * day), await issued(now + day)]
    const held = (id: string) => `select 1 from authorizations where id = ${quoted(id)} for update`
    const trim = () => stores.authorizations.trim(sub, 1, 10)
    assert.equal(await passingOver(url, held(surplus), trim), 0)
    assert.equal(await passingOver(url, held(kept), trim), 1)
    assert.ok(await stores.authorizations.find(kept))
    assert.equal(await stores.authorizations.find(surplus), undefined)
  },
  async 'createAuthorizations skipLocked: what a request refreshes is passed over before its authorization is locked'() {
    const sub = newHash()
    const authorization = sampleAuthorization({ sub })
    const family = sampleFamily(authorization)
    await stores.commit(sampleCommit({ sub, issue: { authorization, family } }))
    const trim = () => stores.authorizations.trim(sub, 0, 10)
    assert.equal(
      await passingOver(url, `select 1 from families where id = ${quoted(family.id)} for update`, trim),
      0,
    )
    assert.ok(await stores.authorizations.find(authorization.id))
    assert.equal(await trim(), 1)
    assert.equal(await stores.families.find(family.id), undefined)
  },
  async 'createReferenceTokens skipLocked: a token that is being revoked is passed over'() {
    const authorization_id = unknownAuthorization()
    const [kept, surplus] = [now + 2 * day, now + day].map(expires_at =>
      sampleReferenceToken({ authorization_id, expires_at }),
    )
    for (const referenceToken of [kept!, surplus!])
      await stores.commit(sampleCommit({ issue: { referenceToken } }))
    const held = (hash: string) => `select 1 from reference_tokens where hash = ${quoted(hash)} for update`
    const trim = () => stores.referenceTokens.trim(authorization_id, 1, 10)
    assert.equal(await passingOver(url, held(surplus!.hash), trim), 0)
    assert.equal(await passingOver(url, held(kept!.hash), trim), 1)
    assert.ok(await stores.referenceTokens.find(kept!.hash))
  },
  async 'sweepOf skipLocked: clean-up passes over what requests hold'() {
    const { code } = await issuedCode(stores)
    const later = now + 40 * day
    const held = ['codes', 'authorizations', 'families', 'reference_tokens', 'replays', 'sessions', 'devices']
      .map(table => `select 1 from ${table} for update`)
      .join('; ')
    await passingOver(url, held, () => stores.cleanUp(later))
    assert.ok(await stores.codes.find(code.hash))
    await stores.cleanUp(later)
    assert.equal(await stores.codes.find(code.hash), undefined)
  },
  async 'hasteningOf skipLocked: a row that is being sent is passed over'() {
    const mail = { ...sampleMail(), due_at: now + 35 * day, expires_at: now + 40 * day }
    await stores.waitingMails.add(mail, 1_000_000)
    const held = `select 1 from waiting_mails where id = ${quoted(mail.id)} for update`
    const isDue = async () =>
      (await stores.waitingMails.claim(now, now + day, 10_000)).some(({ id }) => id === mail.id)
    await passingOver(url, held, () => stores.cleanUp(0, now))
    assert.equal(await isDue(), false)
    await stores.cleanUp(0, now)
    assert.equal(await isDue(), true)
  },
  async 'createKeys locked: of two nodes one rotates'() {
    const key = {
      kid: newHash(),
      alg: 'ES256',
      sealed: new Uint8Array(4),
      created_at: now,
      active_from: now,
    } as never
    assert.equal(await waitingFor(url, advisory('keys'), () => stores.keys.add(key, undefined)), true)
  },
  async 'createPrincipals locked: one configuration is written after the other'() {
    const sync = () => stores.principals.sync({ clients: [{ id: newHash(), enabled: true }], users: [] })
    assert.equal(await waitingFor(url, advisory('standing'), sync), true)
    await enablePrincipals(stores)
  },
  async 'createStoredUsers locked: a name is written by one at a time'() {
    const user = sampleUser()
    const lock = advisory(`user name ${JSON.stringify([user.tenant ?? '', user.username_key])}`)
    assert.equal(await waitingFor(url, lock, () => stores.storedUsers.add(user)), true)
    const next = { ...user, version: 2 }
    assert.equal((await waitingFor(url, lock, () => stores.storedUsers.replace(next))).outcome, 'replaced')
  },
  async 'createStoredUsers locked: the end of a user’s access is one transaction'() {
    const user = await addedUser()
    const { sub } = user
    const authorization = sampleAuthorization({ sub })
    await stores.commit(sampleCommit({ sub, issue: { authorization } }))
    const other = `select 1 from authorizations where id = ${quoted(authorization.id)} for update`
    const next = { ...user, version: 2, epoch: 1 }
    const replaced = await waitingFor(url, other, () => stores.storedUsers.replace(next, accessEnding()))
    assert.equal(replaced.outcome, 'replaced')
    assert.notEqual((await stores.authorizations.find(authorization.id))?.revoked_at, undefined)
  },
  async 'createPersonStores locked: a user is deleted with all their rows in one transaction'() {
    const { sub } = await addedUser()
    const authorization = sampleAuthorization({ sub })
    await stores.commit(sampleCommit({ sub, issue: { authorization } }))
    const other = `select 1 from authorizations where id = ${quoted(authorization.id)} for update`
    assert.ok(await waitingFor(url, other, () => stores.persons.erase(sub, erasureOf(sub))))
    assert.equal(await stores.authorizations.find(authorization.id), undefined)
  },
  async 'createPersonStores locked: and after changes of the user’s factors, which would deadlock'() {
    const { sub } = await addedUser()
    const erase = () => stores.persons.erase(sub, erasureOf(sub))
    assert.ok(await waitingFor(url, advisory(`factors ${sub}`), erase))
  },
  async 'lockConsents for update: consents are locked before authorizations, as by a revocation'() {
    const { sub } = await addedUser()
    await stores.consents.save({ sub, client_id: 'web', scope: ['openid'], created_at: now })
    const authorization = sampleAuthorization({ sub, client_id: 'web' })
    await stores.commit(sampleCommit({ sub, issue: { authorization } }))
    // A revocation that has deleted the consent then locks the authorization.
    const revoking = `delete from consents where sub = ${quoted(sub)}`
    const revokes = `select 1 from authorizations where id = ${quoted(authorization.id)} for update nowait`
    const erase = () => stores.persons.erase(sub, erasureOf(sub))
    assert.ok(await waitingFor(url, revoking, erase, 0, revokes))
  },
  async 'createEntryStores locked: entries are written one after the other'() {
    const revision = await stores.entries.revision()
    const remove = () => stores.entries.remove('clients', newHash(), { revision, at: now })
    assert.equal(await waitingFor(url, advisory('entries'), remove), true)
  },
  async 'createAuditStores locked: records are appended one after the other'() {
    const seq = ((await stores.auditRecords.newest())?.seq ?? 0) + 1
    const row = { seq, at: now, type: 'test', record: '{}', signature: '' }
    assert.equal(
      await waitingFor(url, advisory('audit_records'), () => stores.auditRecords.append([row])),
      true,
    )
  },
  async 'createRegisteredClients locked: clients are counted before one is added'() {
    const add = () => stores.registeredClients.add(sampleRegisteredClient(), 1_000_000)
    assert.equal(await waitingFor(url, advisory('registered clients'), add), true)
  },
  async 'createWaitingMails locked: mails are counted before one is added'() {
    const add = () => stores.waitingMails.add(sampleMail(), 1_000_000)
    assert.equal(await waitingFor(url, advisory('waiting mails'), add), true)
  },
  async 'createPasskeys locked: a user’s passkeys are counted before one is added'() {
    const sub = newHash()
    assert.equal(
      await waitingFor(url, advisory(`factors ${sub}`), () => stores.passkeys.add(samplePasskey({ sub }), 5)),
      true,
    )
  },
  async 'createIdentityLinks locked: a user’s links are counted before one is added'() {
    const sub = newHash()
    const add = () => stores.identityLinks.add({ provider: 'corp', identity: sub, sub, created_at: now })
    assert.equal(await waitingFor(url, advisory(`identity links ${sub}`), add), 'added')
  },
  async 'createRecoveryCodes locked: recovery codes are replaced by one at a time'() {
    const sub = newHash()
    await waitingFor(url, advisory(`factors ${sub}`), () => stores.recoveryCodes.replace(sub, [newHash()]))
    assert.equal(await stores.recoveryCodes.count(sub), 1)
  },
  async 'createSecondFactors locked: of two factors at once one is the last'() {
    const sub = newHash()
    await stores.passkeys.add(samplePasskey({ sub }), 5)
    const totp = { method: 'totp' } as const
    const remove = () => stores.secondFactors.remove(sub, totp, ['passkey'])
    assert.equal(await waitingFor(url, advisory(`factors ${sub}`), remove), 'unknown')
    assert.equal(await waitingFor(url, advisory(`factors ${sub}`), () => stores.secondFactors.reset(sub)), 1)
  },
  async 'createSessions locked: the end of a session is one transaction'() {
    const session = sampleSession()
    await stores.sessions.create(session)
    const authorization = sampleAuthorization({ sid: session.sid })
    await stores.commit(sampleCommit({ issue: { authorization } }))
    const other = `select 1 from authorizations where id = ${quoted(authorization.id)} for update`
    assert.ok(await waitingFor(url, other, () => stores.sessions.end(session.sid, ending)))
  },
  async 'createConsents locked: taking a consent back is one transaction'() {
    const consent = { sub: newHash(), client_id: 'web', scope: ['openid'], created_at: now }
    await stores.consents.save(consent)
    const authorization = sampleAuthorization({ sub: consent.sub, client_id: 'web' })
    await stores.commit(sampleCommit({ issue: { authorization } }))
    const other = `select 1 from authorizations where id = ${quoted(authorization.id)} for update`
    assert.ok(await waitingFor(url, other, () => stores.consents.revoke(consent.sub, 'web', now)))
  },
  async 'writeWith locked: a consent and its events are one transaction'() {
    const consent = { sub: newHash(), client_id: 'web', scope: ['openid'], created_at: now }
    const message = sampleMessage()
    await stores.webhookMessages.add([message])
    // The event exists already, so the consent is not stored either.
    await assert.rejects(stores.consents.save(consent, [message]))
    assert.equal(await stores.consents.find(consent.sub, 'web'), undefined)
  },
  'lockAll pg_advisory_xact_lock': 'the text of each `locked`',
  'Database locked': 'the type of each `locked`',
  'openPool locked': 'what each `locked` calls',
}

const source = new URL('../../packages/server/src/storage/postgres/', import.meta.url)
const taken =
  /(\bfor (?:no key )?(?:key )?(?:update|share)\b|\$\{skipLocked\}|\blocked[(:]|\bepochGuard\(|\bpg_advisory\w*)/g
const declaration = /^(?:export )?(?:async )?(?:const|function|type) (\w+)/

/** `DECLARATION WHAT`, once for each kind of lock in a top-level declaration. */
const existing = new Set(
  readdirSync(source).flatMap(name => {
    let declared = ''
    return readFileSync(new URL(name, source), 'utf8')
      .split('\n')
      .filter(line => !/^\s*(\*|\/\*\*|\/\/)/.test(line))
      .flatMap(line => {
        declared = declaration.exec(line)?.[1] ?? declared
        return [...line.matchAll(taken)].map(([what]) => `${declared} ${what.replace(/[${}(:]/g, '')}`)
      })
  }),
)

test('locks: every kind of lock in every declaration has a row', () => {
  const rows = new Set(Object.keys(locks).map(name => name.split(':')[0] ?? ''))
  assertCovers(rows, existing, 'lock')
})

for (const [name, run] of Object.entries(locks))
  if (typeof run !== 'string') test(`locks: ${name}`, { timeout: 30_000 }, run)

test('locks: a hundred audit records are appended in as many round trips as one', async () => {
  const { hostname, port } = new URL(url)
  const proxy = await openDelayedTcp({ host: hostname, port: Number(port) }, 0)
  const distant = await openPostgresTenantStores({
    url: Object.assign(new URL(url), { port: proxy.port }).href,
    poolSize: 1,
  })
  try {
    const { auditRecords, webhookMessages } = distant.main
    const append = async (count: number): Promise<number> => {
      const messages = Array.from({ length: count }, () => sampleMessage({ endpoint: auditEndpoint }))
      await webhookMessages.add(messages)
      const seq = ((await auditRecords.newest())?.seq ?? 0) + 1
      const rows = messages.map((_, index) => ({
        ...{ seq: seq + index, at: now, type: 'test', record: '{}', signature: '' },
        ...(index % 2 === 0 && { sub: newHash(), personal: '{"name":"\u0000 \\ ""}' }),
      }))
      const before = proxy.sent()
      assert.equal(await auditRecords.append(rows, { events: messages.map(one => one.event_id) }), true)
      const trips = proxy.sent() - before
      assert.deepEqual(await auditRecords.list({ after: seq - 1, limit: count }), rows)
      return trips
    }
    // The first one also prepares the statements.
    await append(1)
    assert.equal(await append(100), await append(1))
  } finally {
    await distant.close()
    await proxy.close()
  }
})

test('locks: a hundred mails share few round trips, and fill the room that there is', async () => {
  const { hostname, port } = new URL(url)
  const proxy = await openDelayedTcp({ host: hostname, port: Number(port) }, 10)
  const distant = await openPostgresTenantStores({
    url: Object.assign(new URL(url), { port: proxy.port }).href,
  })
  try {
    const { waitingMails } = distant.main
    await waitingMails.add(sampleMail(), 1_000_000)
    const before = proxy.sent()
    const many = Array.from({ length: 100 }, () => waitingMails.add(sampleMail(), 1_000_000))
    assert.deepEqual(tally(await Promise.all(many)), { true: 100 })
    assert.ok(proxy.sent() - before <= 20, `${proxy.sent() - before} round trips`)
    const holder = await openConnection({ url })
    const { rows } = await holder.run('select count(*) from tessera.waiting_mails', [])
    await holder.close()
    const few = Array.from({ length: 20 }, () => waitingMails.add(sampleMail(), Number(rows[0]?.[0]) + 7))
    assert.deepEqual(tally(await Promise.all(few)), { true: 7, false: 13 })
  } finally {
    await distant.close()
    await proxy.close()
  }
})

test('locks: transactions of one process that wait for the same lock leave its connections to others', async () => {
  const pool = openPool({ url, poolSize: 2 })
  try {
    const { run, locked } = pool.of('tessera')
    let over = 0
    const waiting = await passingOver(url, advisory('one'), async () => {
      const all = [1, 2, 3].map(() =>
        locked(['one'], write => write('select 1', [])).finally(() => {
          over += 1
        }),
      )
      await run('select 1', [])
      assert.equal(over, 0)
      return all
    })
    assert.equal((await Promise.all(waiting)).length, 3)
  } finally {
    await pool.close()
  }
})

test('lock queues: work waits for earlier work with one of its locks, also if that failed or gave up waiting', async () => {
  const afterOthers = createLockQueues(100)
  const done: string[] = []
  const first = Promise.withResolvers<void>()
  const failing = afterOthers(['b', 'a'], async () => {
    await first.promise
    done.push('first')
    throw new Error('failed')
  })
  const failed = assert.rejects(failing, /failed/)
  await afterOthers(['c'], async () => void done.push('other'))
  await assert.rejects(
    afterOthers(['a'], async () => void done.push('never')),
    StoreUnavailable,
  )
  const last = [['a', 'b'], ['b'], ['a']].map((locks, index) =>
    afterOthers(locks, async () => void done.push(`last ${index}`)),
  )
  first.resolve()
  await Promise.all([failed, ...last])
  assert.deepEqual(done.slice(0, 2), ['other', 'first'])
  assert.deepEqual(done.slice(2).toSorted(), ['last 0', 'last 1', 'last 2'])
})

test('locks: a transaction that stalls while it holds a lock blocks others for a limited time', {
  timeout: 60_000,
}, async () => {
  const stalled = openPool({ url, timeouts: { connection: 10_000, statement: 500, lock: 500 } })
  const patient = await openPostgresTenantStores({
    url,
    timeouts: { connection: 10_000, statement: 20_000, lock: 20_000 },
  })
  const impatient = await openPostgresTenantStores({
    url,
    timeouts: { connection: 10_000, statement: 5000, lock: 300 },
  })
  try {
    let begun = (): void => {}
    const holds = new Promise<void>(resolve => {
      begun = resolve
    })
    let end = (): void => {}
    const forever = new Promise<void>(resolve => {
      end = resolve
    })
    const stall = stalled.of('tessera').locked(['registered clients'], async write => {
      await write('select 1', [])
      begun()
      await forever
      await write('select 2', [])
    })
    const failed = assert.rejects(stall, StoreUnavailable)
    await holds
    const add = (to: TenantStores) => to.main.registeredClients.add(sampleRegisteredClient(), 1_000_000)
    // It fails instead of keeping its connection.
    await assert.rejects(add(impatient), StoreUnavailable)
    // Requests for another lock do not wait.
    await patient.main.waitingMails.add(sampleMail(), 1_000_000)
    // The database ends the stalled transaction, and the waiting one continues.
    assert.equal(await add(patient), true)
    end()
    await failed
  } finally {
    await Promise.all([stalled.close(), patient.close(), impatient.close()])
  }
})
