/**
 * The frequent calls of requests and clean-up to a store, each with valid rows; `key` is that of all rows that belong
 * together.
 */

import type {
  Authorization,
  AuthorizationId,
  FamilyId,
} from '../../../../packages/server/src/model/authorization.ts'
import type { Commit, Stores, Use } from '../../../../packages/server/src/model/ports/stores.ts'
import type { Awaitable, TokenHash } from '../../../../packages/server/src/runtime/ports.ts'
import { filledAt as now } from './fill.ts'

export type HotWork = {
  readonly name: string
  readonly ask: (stores: Stores, key: string) => Awaitable<unknown>
}

const later = now + 2 * 86_400
const of = <Id extends string>(key: string): Id => key as Id

/** New rows, in addition to those of a key. */
const authorizationOf = (key: string): Authorization => ({
  ...{
    id: of<AuthorizationId>(`new ${key}`),
    client_id: key,
    sub: key,
    sid: key,
    scope: ['openid'],
    resources: [],
  },
  ...{ idp: 'local', amr: ['pwd'], auth_time: now, created_at: now, expires_at: later },
})
const issues = {
  authorization: authorizationOf,
  family: (key: string) => ({
    ...{
      id: of<FamilyId>(`new ${key}`),
      authorization_id: of<AuthorizationId>(key),
      client_id: key,
      generation: 1,
    },
    ...{ scope: ['openid'], created_at: now, expires_at: later, idle_expires_at: later, rotated_at: now },
  }),
  referenceToken: (key: string) => ({
    ...{ hash: of<TokenHash>(`new ${key}`), authorization_id: of<AuthorizationId>(key), client_id: key },
    ...{ claims: { sub: key }, expires_at: later },
  }),
} as const

const uses: Readonly<Record<Use['kind'], (key: string) => Use>> = {
  authorization_code: key => ({ kind: 'authorization_code', hash: of(key) }),
  device_code: key => ({ kind: 'device_code', hash: of(key) }),
  assertion: key => ({ kind: 'assertion', hash: of(`new ${key}`), expires_at: later }),
  refresh_rotation: key => ({
    kind: 'refresh_rotation',
    family: of(key),
    generation: 1,
    idleExpiresAt: later,
  }),
  refresh_retry: key => ({ kind: 'refresh_retry', family: of(key), generation: 1, since: now }),
  refresh_reuse: key => ({ kind: 'refresh_reuse', family: of(key), generation: 1, idleExpiresAt: later }),
}

/** Each subset of these, including the empty one. */
const subsets = <Value>([first, ...rest]: readonly Value[]): readonly (readonly Value[])[] =>
  first === undefined ? [[]] : subsets(rest).flatMap(some => [some, [first, ...some]])

/** `commit` in each of its shapes. */
const commits: readonly HotWork[] = [undefined, ...(Object.keys(uses) as Use['kind'][])].flatMap(kind =>
  [false, true].flatMap(epoch =>
    subsets(Object.keys(issues) as (keyof typeof issues)[]).map((parts): HotWork => {
      const name = ['commit', kind, ...parts, ...(epoch ? ['epoch'] : [])]
      return {
        name: name.filter(part => part !== undefined).join(' + '),
        ask: (stores, key) =>
          stores.commit({
            ...{ at: now, client_id: key, sub: key, authorization: { id: of(key), until: later } },
            ...(epoch && { epoch: 0 }),
            ...(kind && { use: uses[kind](key) }),
            issue: Object.fromEntries(parts.map(part => [part, issues[part](key)])) as Commit['issue'] & {},
          }),
      }
    }),
  ),
)

const seen = { last_seen_at: now, idle_expires_at: later, address: '192.0.2.1' }
const ending = { at: now, revokes: 'all', notices_until: later } as const
const limit = (key: string) => ({ hash: of<TokenHash>(key), most: 10, span: 60 })

/** By type. Other calls, of the account pages and at startup, are rare. */
export const hotWork: readonly HotWork[] = [
  ...commits,
  { name: 'authorization: find', ask: (stores, key) => stores.authorizations.find(of(key)) },
  { name: 'authorization: revoke', ask: (stores, key) => stores.authorizations.revoke(of(key), now) },
  { name: 'authorizations: trim', ask: (stores, key) => stores.authorizations.trim(key, 10_000, 2000) },
  {
    name: 'code: issue',
    ask: (stores, key) =>
      stores.codes.issue(authorizationOf(key), {
        ...{
          hash: of(`new ${key}`),
          authorization_id: of(`new ${key}`),
          redirect_uri: '',
          expires_at: later,
        },
      }),
  },
  { name: 'code: find', ask: (stores, key) => stores.codes.find(of(key)) },
  { name: 'code: burn', ask: (stores, key) => stores.codes.burn(of(key), now) },
  { name: 'family: find', ask: (stores, key) => stores.families.find(of(key)) },
  { name: 'device: find', ask: (stores, key) => stores.devices.find(of(key)) },
  { name: 'device: find by user code', ask: (stores, key) => stores.devices.findByUserCode(of(key)) },
  { name: 'device: polled', ask: (stores, key) => stores.devices.recordPoll(of(key), now, false) },
  {
    name: 'device: approve',
    ask: (stores, key) => stores.devices.approve(of(key), authorizationOf(key), now, key),
  },
  { name: 'device: deny', ask: (stores, key) => stores.devices.deny(of(key), now) },
  { name: 'reference token: find', ask: (stores, key) => stores.referenceTokens.find(of(key)) },
  { name: 'reference token: revoke', ask: (stores, key) => stores.referenceTokens.revoke(of(key)) },
  { name: 'revoked token: has', ask: (stores, key) => stores.revokedTokens.has(key) },
  { name: 'revoked token: add', ask: (stores, key) => stores.revokedTokens.add(`new ${key}`, later) },
  {
    name: 'replay: use',
    ask: (stores, key) => stores.usedAssertions.add({ hash: of(key), expires_at: later }),
  },
  {
    name: 'attempts: count',
    ask: (stores, key) => stores.attempts.count([limit(key), limit(`new ${key}`)], now),
  },
  { name: 'attempts: forgive', ask: (stores, key) => stores.attempts.forgive([of(key)]) },
  { name: 'session: find', ask: (stores, key) => stores.sessions.find(of(key)) },
  { name: 'session: find by sid', ask: (stores, key) => stores.sessions.findBySid(key) },
  { name: 'session: of a user', ask: (stores, key) => stores.sessions.ofUser(key) },
  { name: 'session: from upstream', ask: (stores, key) => stores.sessions.fromUpstream(key) },
  { name: 'session: touch', ask: (stores, key) => stores.sessions.touch(of(key), seen) },
  { name: 'session: join', ask: (stores, key) => stores.sessions.join(key, 'web') },
  { name: 'session: clients', ask: (stores, key) => stores.sessions.clients(key) },
  { name: 'session: end', ask: (stores, key) => stores.sessions.end(key, ending) },
  { name: 'session: end expired', ask: stores => stores.sessions.endExpired(ending, 100) },
  { name: 'consent: find', ask: (stores, key) => stores.consents.find(key, key) },
  { name: 'pushed request: find', ask: (stores, key) => stores.pushedRequests.find(of(key), key, now) },
  { name: 'upstream request: take', ask: (stores, key) => stores.upstreamRequests.take(of(key), of(key)) },
  { name: 'pending sign-in: find', ask: (stores, key) => stores.pendingSignIns.find(of(key)) },
  { name: 'pending sign-in: take', ask: (stores, key) => stores.pendingSignIns.take(of(key)) },
  { name: 'identity link: find', ask: (stores, key) => stores.identityLinks.find(key, key) },
  { name: 'user: find', ask: (stores, key) => stores.storedUsers.find(key) },
  { name: 'user: find by name', ask: (stores, key) => stores.storedUsers.findByName(key, key) },
  { name: 'user: find by address', ask: (stores, key) => stores.storedUsers.findByVerifiedEmail(key, key) },
  { name: 'registered client: find', ask: (stores, key) => stores.registeredClients.find(key) },
  {
    name: 'registered client: has origin',
    ask: (stores, key) => stores.registeredClients.hasOrigin(key, now),
  },
  { name: 'logout notices: claim', ask: stores => stores.logoutNotices.claim(now, later, 20) },
  { name: 'logout notices: any due', ask: stores => stores.logoutNotices.anyDue(now) },
  { name: 'mails: claim', ask: stores => stores.waitingMails.claim(now, later, 20) },
  { name: 'mails: any due', ask: stores => stores.waitingMails.anyDue(now) },
  { name: 'clean-up', ask: stores => stores.cleanUp(now) },
]
