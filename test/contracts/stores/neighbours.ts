/**
 * Guarantees of every write about the rows beside its own: those of another user, client, session or provider remain
 * unchanged.
 */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { beforeEach, test } from 'node:test'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { accessEnding, erasureOf } from './access.ts'
import { samplePasskey, samplePending } from './factors.ts'
import { sampleRegisteredClient } from './registered-clients.ts'
import {
  day,
  enablePrincipals,
  minute,
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
} from './samples.ts'
import { sampleMail } from './waiting-mails.ts'

const many = 1_000_000
const ending = { at: now + 1, revokes: 'all', notices_until: now + day } as const

/**
 * A stored user with a row of every kind. All have the same clients, and identities with the same names at the
 * providers.
 */
async function inhabitant(stores: Stores, provider: string) {
  const user = sampleUser()
  const { sub } = user
  await stores.storedUsers.add(user)
  const upstream = {
    ...{ id: newHash(), provider, identity: 'same', upstream_sid: 'same' },
    ...{ id_token: new Uint8Array([1]), expires_at: now + day },
  }
  await stores.upstreamSessions.create(upstream)
  const session = sampleSession({ sub, epoch: 0, upstream: upstream.id })
  await stores.sessions.create(session)
  await stores.sessions.join(session.sid, 'web')
  const pending = samplePending({ sub, epoch: 0 })
  await stores.pendingSignIns.create(pending)
  const authorization = sampleAuthorization({ sub, sid: session.sid })
  const family = sampleFamily(authorization)
  const token = sampleReferenceToken({ authorization_id: authorization.id })
  await stores.commit(sampleCommit({ sub, issue: { authorization, family, referenceToken: token } }))
  const waiting = sampleAuthorization({ sub, sid: session.sid })
  const code = sampleCode(waiting)
  await stores.codes.issue(waiting, code)
  const device = sampleDevice()
  await stores.devices.issue(device)
  const link = { provider, identity: 'same', sub, created_at: now }
  await stores.identityLinks.add(link)
  await stores.totpSecrets.add({ sub, sealed: new Uint8Array([1]), last_step: 1, created_at: now })
  const recoveryCode = newHash()
  await stores.recoveryCodes.replace(sub, [recoveryCode])
  const passkey = samplePasskey({ sub })
  await stores.passkeys.add(passkey, 5)
  const consent = { sub, client_id: 'web', scope: ['openid'], created_at: now }
  await stores.consents.save(consent)
  const client = sampleRegisteredClient({
    metadata: { allowed_cors_origins: [`https://${randomUUID()}.example`] },
    expires_at: now + day,
  })
  await stores.registeredClients.add(client, many)
  const mail = sampleMail({ due_at: now + 7 * day, expires_at: now + 9 * day })
  await stores.waitingMails.add(mail, many)
  const [jti, setting] = [randomUUID(), randomUUID()]
  await stores.revokedTokens.add(jti, now + day)
  await stores.settings.put(setting, 'theirs')
  return {
    ...{ sub, user, upstream, session, pending, authorization, family, token, waiting, code, device, link },
    ...{ recoveryCode, passkey, client, mail, jti, setting, provider },
  }
}

type Inhabitant = Awaited<ReturnType<typeof inhabitant>>

/** Everything that is stored about one user. */
async function everythingOf(stores: Stores, one: Inhabitant) {
  const { sub, session, client } = one
  const [origin = ''] = client.metadata.allowed_cors_origins as readonly string[]
  return {
    user: await stores.storedUsers.find(sub),
    sessions: await stores.sessions.ofUser(sub),
    clients: await stores.sessions.clients(session.sid),
    upstream: await stores.upstreamSessions.from(one.provider, { upstream_sid: 'same' }),
    pending: await stores.pendingSignIns.find(one.pending.hash),
    authorization: await stores.authorizations.find(one.authorization.id),
    family: await stores.families.find(one.family.id),
    token: await stores.referenceTokens.find(one.token.hash),
    code: await stores.codes.find(one.code.hash),
    device: await stores.devices.find(one.device.hash),
    links: await stores.identityLinks.ofUser(sub),
    totp: await stores.totpSecrets.find(sub),
    recoveryCodes: await stores.recoveryCodes.count(sub),
    passkeys: await stores.passkeys.of(sub),
    consents: await stores.consents.ofUser(sub, { limit: 10 }),
    client: await stores.registeredClients.find(client.client_id),
    origin: await stores.registeredClients.hasOrigin(origin, now),
    revoked: await stores.revokedTokens.has(one.jti),
    setting: await stores.settings.get(one.setting),
  }
}

type Write = (stores: Stores, one: Inhabitant) => Promise<unknown>

const writes: Readonly<Record<string, Write>> = {
  'authorizations.revoke': (stores, { authorization }) => stores.authorizations.revoke(authorization.id, now),
  'authorizations.trim': (stores, { sub }) => stores.authorizations.trim(sub, 0, 10),
  'codes.burn': (stores, { code }) => stores.codes.burn(code.hash, now),
  'codes.discard': (stores, { code }) => stores.codes.discard(code.hash),
  'commit of a code': (stores, { sub, code, waiting }) =>
    stores.commit(
      sampleCommit({
        sub,
        authorization: { id: waiting.id, until: now + 2 * day },
        use: { kind: 'authorization_code', hash: code.hash },
      }),
    ),
  'commit of a refresh': (stores, { sub, family, authorization }) =>
    stores.commit(
      sampleCommit({
        sub,
        authorization: { id: authorization.id, until: now + 2 * day },
        use: { kind: 'refresh_rotation', family: family.id, generation: 1, idleExpiresAt: now + minute },
      }),
    ),
  'commit of a refresh that slides': (stores, { sub, family }) =>
    stores.commit(
      sampleCommit({
        sub,
        use: { kind: 'refresh_reuse', family: family.id, generation: 1, idleExpiresAt: now + minute },
      }),
    ),
  'consents.save': (stores, { sub }) =>
    stores.consents.save({ sub, client_id: 'web', scope: ['api1'], created_at: now + 1 }),
  'consents.revoke': (stores, { sub }) => stores.consents.revoke(sub, 'web', now),
  'devices.recordPoll': (stores, { device }) => stores.devices.recordPoll(device.hash, now, true),
  'devices.approve': (stores, { sub, device, session }) =>
    stores.devices.approve(device.user_code_hash, sampleAuthorization({ sub }), now, session.sid),
  'devices.deny': (stores, { device }) => stores.devices.deny(device.user_code_hash, now),
  'identityLinks.remove': (stores, { provider, sub }) => stores.identityLinks.remove(provider, 'same', sub),
  'passkeys.rename': (stores, { sub, passkey }) => stores.passkeys.rename(sub, passkey.id, 'Renamed'),
  'passkeys.use': (stores, { passkey }) =>
    stores.passkeys.use(passkey.id, { counter: 9, backed_up: true, at: now + 1 }),
  'pendingSignIns.take': (stores, { pending }) => stores.pendingSignIns.take(pending.hash),
  'recoveryCodes.replace': (stores, { sub }) => stores.recoveryCodes.replace(sub, [newHash(), newHash()]),
  'recoveryCodes.use': (stores, { sub, recoveryCode }) => stores.recoveryCodes.use(sub, recoveryCode),
  'referenceTokens.trim': (stores, { authorization }) => stores.referenceTokens.trim(authorization.id, 0, 10),
  'referenceTokens.revoke': (stores, { token }) => stores.referenceTokens.revoke(token.hash),
  'registeredClients.replace': (stores, { client }) =>
    stores.registeredClients.replace({ ...client, version: 2, metadata: {} }),
  'registeredClients.extend': (stores, { client }) =>
    stores.registeredClients.extend(client.client_id, {
      used_at: now + 1,
      used_by: newHash(),
      expires_at: now + 2 * day,
    }),
  'registeredClients.remove': (stores, { client }) => stores.registeredClients.remove(client.client_id),
  'revokedTokens.add': (stores, { jti }) => stores.revokedTokens.add(jti, now + 2 * day),
  'secondFactors.remove of an app': (stores, { sub }) =>
    stores.secondFactors.remove(sub, { method: 'totp' }, []),
  'secondFactors.remove of the last passkey': async (stores, { sub, passkey }) => {
    await stores.secondFactors.remove(sub, { method: 'totp' }, [])
    await stores.secondFactors.remove(sub, { method: 'passkey', id: passkey.id }, [])
  },
  'secondFactors.reset': (stores, { sub }) => stores.secondFactors.reset(sub),
  'sessions.touch': (stores, { session }) =>
    stores.sessions.touch(session.hash, { last_seen_at: now + 1, idle_expires_at: now + minute }),
  'sessions.join': (stores, { session }) => stores.sessions.join(session.sid, 'other'),
  'sessions.renew': (stores, { session }) =>
    stores.sessions.renew(session.hash, { ...session, hash: newHash(), expires_at: now + minute }),
  'sessions.end': (stores, { session }) => stores.sessions.end(session.sid, ending),
  'settings.put': (stores, { setting }) => stores.settings.put(setting, 'changed'),
  'storedUsers.replace': (stores, { user }) =>
    stores.storedUsers.replace({ ...user, version: 2, epoch: 1 }, accessEnding({ revokes: 'all' })),
  'storedUsers.replace that keeps a session': (stores, { user, session }) =>
    stores.storedUsers.replace(
      { ...user, version: 2, epoch: 1 },
      accessEnding({ revokes: 'all', kept_sid: session.sid }),
    ),
  'storedUsers.replace that disables': (stores, { user }) =>
    stores.storedUsers.replace({ ...user, version: 2, disabled_at: now }),
  'storedUsers.upgradePassword': async (stores, { sub, user }) => {
    await stores.storedUsers.replace({ ...user, version: 2, password: 'same' })
    await stores.storedUsers.upgradePassword(sub, 'same', 'other')
  },
  'persons.erase': (stores, { sub }) => stores.persons.erase(sub, erasureOf(sub)),
  'persons.finish': async (stores, { sub }) => {
    await stores.persons.erase(sub, erasureOf(sub))
    await stores.persons.finish(sub)
  },
  'totpSecrets.use': (stores, { sub }) => stores.totpSecrets.use(sub, 9),
  'upstreamSessions.end': (stores, { upstream }) => stores.upstreamSessions.end(upstream.id),
}

export function testNeighbours(stores: () => Stores): void {
  beforeEach(() => enablePrincipals(stores()))

  for (const [name, write] of Object.entries(writes))
    test(`neighbours: ${name} changes only its own rows`, async () => {
      const world = stores()
      const [one, other] = [await inhabitant(world, newHash()), await inhabitant(world, newHash())]
      const [before, beside] = [await everythingOf(world, one), await everythingOf(world, other)]
      await write(world, one)
      const unseen = name === 'revokedTokens.add' || name === 'storedUsers.replace that disables'
      if (!unseen) assert.notDeepEqual(await everythingOf(world, one), before)
      assert.deepEqual(await everythingOf(world, other), beside)
      assert.equal(await world.commit(sampleCommit({ sub: other.sub, epoch: 0 })), 'committed')
      assert.equal(await world.commit(sampleCommit({ client_id: other.client.client_id })), 'committed')
    })

  test('neighbours: a notice is postponed and removed for its client and session alone', async () => {
    const { sessions, logoutNotices } = stores()
    const at = now + 20 * day
    const both = [sampleSession({ sub: newHash() }), sampleSession({ sub: newHash() })]
    for (const session of both) {
      await sessions.create(session)
      for (const client of ['api', 'web']) await sessions.join(session.sid, client)
      await sessions.end(session.sid, { at, revokes: 'none', notices_until: at + day })
    }
    const isOurs = ({ sid }: { readonly sid: string }) => both.some(session => session.sid === sid)
    const claim = async (when: number) =>
      (await logoutNotices.claim(when, when + minute, many)).filter(isOurs)
    const claimed = await claim(at)
    assert.equal(claimed.length, 4)
    const [first, second] = both
    const notice = (sid: string | undefined, client: string) =>
      claimed.find(one => one.sid === sid && one.client_id === client)!
    await logoutNotices.remove(notice(first?.sid, 'web'))
    await logoutNotices.postpone(notice(second?.sid, 'api'), at + day)
    const due = (await claim(at + minute)).map(({ sid, sub, client_id }) => [sid, sub, client_id])
    const expected = [
      [first?.sid, first?.sub, 'api'],
      [second?.sid, second?.sub, 'web'],
    ]
    assert.deepEqual(due.toSorted(), expected.toSorted())
    for (const one of claimed) await logoutNotices.remove(one)
  })

  test('neighbours: a mail is postponed and removed alone', async () => {
    const { waitingMails } = stores()
    const at = now + 30 * day
    const mails = [1, 2, 3].map(() => sampleMail({ due_at: at, expires_at: at + day }))
    for (const mail of mails) await waitingMails.add(mail, many)
    const isOurs = ({ id }: { readonly id: string }) => mails.some(mail => mail.id === id)
    const claim = async (when: number) => (await waitingMails.claim(when, when + minute, many)).filter(isOurs)
    const [first, second, third] = await claim(at)
    await waitingMails.remove(first!.id)
    await waitingMails.postpone(second!, at + day)
    assert.deepEqual(
      (await claim(at + minute)).map(({ id }) => id),
      [third!.id],
    )
    for (const { id } of mails) await waitingMails.remove(id)
  })

  test('neighbours: a client and a user with the same name are independent', async () => {
    const { principals } = stores()
    const id = newHash()
    const fallen = async () => {
      const { clients, users } = await principals.disabled()
      return [clients.has(id), users.has(id)]
    }
    const rows = [{ id, enabled: true }]
    await principals.sync({ clients: rows, users: rows })
    assert.deepEqual(await fallen(), [false, false])
    await principals.sync({ clients: rows, users: [] })
    assert.deepEqual(await fallen(), [false, true])
    await principals.sync({ clients: [], users: rows })
    assert.deepEqual(await fallen(), [true, false])
  })

  test('neighbours: sessions of two users that expire together each notify their own clients', async () => {
    const { sessions, logoutNotices } = stores()
    const at = now - 30 * day
    const both = [sampleSession({ sub: newHash() }), sampleSession({ sub: newHash() })].map(session => ({
      ...session,
      idle_expires_at: at,
    }))
    for (const session of both) {
      await sessions.create(session)
      await sessions.join(session.sid, `of-${session.sub}`)
    }
    const ended = await sessions.endExpired({ at, revokes: 'all', notices_until: at + minute }, 10)
    assert.deepEqual(
      new Map(ended.map(({ session, clients }) => [session.sid, clients])),
      new Map(both.map(({ sid, sub }) => [sid, [`of-${sub}`]])),
    )
    const notices = await logoutNotices.claim(at, at, 10)
    assert.deepEqual(
      new Map(notices.map(({ sid, sub, client_id }) => [sid, [sub, client_id]])),
      new Map(both.map(({ sid, sub }) => [sid, [sub, `of-${sub}`]])),
    )
    for (const notice of notices) await logoutNotices.remove(notice)
  })

  test('neighbours: of waiting notices, the longest due is claimed first', async () => {
    const { sessions, logoutNotices } = stores()
    const at = now - 40 * day
    for (const [later, client] of [
      [2, 'third'],
      [0, 'first'],
      [1, 'second'],
    ] as const) {
      const session = sampleSession({ sub: newHash() })
      await sessions.create(session)
      await sessions.join(session.sid, client)
      await sessions.end(session.sid, { at: at + later, revokes: 'none', notices_until: now + day })
    }
    const claimed: string[] = []
    for (let times = 0; times < 3; times++) {
      const [notice, more] = await logoutNotices.claim(at + minute, now + day, 1)
      assert.ok(notice && !more)
      claimed.push(notice.client_id)
      await logoutNotices.remove(notice)
    }
    assert.deepEqual(claimed, ['first', 'second', 'third'])
  })
}
