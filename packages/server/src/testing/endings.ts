/** Ends tokens and sessions of a test server: revokes them, lets them expire, or signs users out. */

import { revokeToken } from '../endpoints/revocation/revocation.ts'
import type { Authorization } from '../model/authorization.ts'
import { hashHandle } from '../model/handle.ts'
import { readClaims } from '../tokens/jwt.ts'
import { findClient, findUser } from './people.ts'
import type { Running } from './running.ts'

/**
 * A token: revokes that token; a refresh token with everything that was issued with it (RFC 7009 §2.1). A user, a client,
 * or both: revokes the authorizations that the user gave the client. Tokens that a client has for itself belong to no
 * authorization: name them, or disable the client with `updateClient`.
 */
export type RevokeTarget =
  | { readonly token: string }
  | { readonly user: string; readonly client?: string }
  | { readonly client: string; readonly user?: string }

/** An access or refresh token, an authorization code, a device code, or a session by its `sid`. */
export type ExpireTarget =
  | { readonly token: string }
  | { readonly code: string }
  | { readonly device_code: string }
  | { readonly session: string }

/** Throws for a token that this server did not issue. Resolves to how many tokens or authorizations were revoked. */
export async function revoke(running: Running, target: RevokeTarget): Promise<number> {
  if ('token' in target) return revokeOne(running, target.token)
  const { stores, clock } = running.services().context
  const user = target.user === undefined ? undefined : await findUser(running, target.user)
  const client = target.client === undefined ? undefined : await findClient(running, target.client)
  const matches = ({ sub, client_id, revoked_at }: Authorization): boolean =>
    revoked_at === undefined &&
    (user === undefined || sub === user.sub) &&
    (client === undefined || client_id === client.client_id)
  const found = running.tables.authorizations.filter(matches)
  for (const { id } of found) await stores.authorizations.revoke(id, clock.now())
  return found.length
}

async function revokeOne(running: Running, token: string): Promise<1> {
  const { context, tokens } = running.services()
  const client_id = ownerOf(running, token)
  if (!client_id || !(await revokeToken(token, { client_id }, { ...context, ...tokens })))
    throw unknown('token')
  return 1
}

/** Returns the client that a token was issued to. */
function ownerOf({ tables, services }: Running, token: string): string | undefined {
  if (token.startsWith('ta_')) return tables.referenceTokens.get(hashHandle(token))?.client_id
  if (!token.startsWith('tr_')) return String(readClaims(token)?.client_id)
  const handle = services().tokens.refreshTokens.parse(token)
  return handle && tables.families.get(handle.family)?.client_id
}

/**
 * Lets one token, code or session expire without moving the clock. A JWT contains its expiry, so this server refuses
 * it, but an API that verifies it locally does not: issue it with a short `expiresIn` instead. Throws for values that
 * this server did not issue.
 */
export async function expire(running: Running, target: ExpireTarget): Promise<void> {
  const { tables, services } = running
  const past = services().context.clock.now() - 1
  if ('code' in target) {
    const row = tables.codes.get(hashHandle(target.code))
    if (!row) throw unknown('authorization code')
    tables.codes.put({ ...row, expires_at: past })
  } else if ('device_code' in target) {
    const row = tables.devices.get(hashHandle(target.device_code))
    if (!row) throw unknown('device code')
    tables.devices.put({ ...row, expires_at: past })
  } else if ('session' in target) {
    const row = tables.sessions.by('sid', target.session)
    if (!row) throw unknown('session')
    tables.sessions.put({ ...row, expires_at: past, idle_expires_at: past })
    await running.tessera.runLogouts()
  } else await expireToken(running, target.token, past)
}

async function expireToken(running: Running, token: string, past: number): Promise<void> {
  const { tables, services } = running
  if (token.startsWith('tr_')) {
    const handle = services().tokens.refreshTokens.parse(token)
    const row = handle && tables.families.get(handle.family)
    if (!row) throw unknown('refresh token')
    tables.families.put({ ...row, expires_at: past, idle_expires_at: past })
  } else if (token.startsWith('ta_')) {
    const row = tables.referenceTokens.get(hashHandle(token))
    if (!row) throw unknown('reference token')
    tables.referenceTokens.put({ ...row, claims: { ...row.claims, exp: past }, expires_at: past })
  } else await revokeOne(running, token)
}

const unknown = (what: string): Error =>
  new Error(`this server did not issue that ${what}, or has reset since`)

/**
 * Ends sessions as if an operator ended them: all of a user, or one by its `sid`. Resolves when their clients were
 * notified over the back channel, to how many sessions ended.
 */
export async function signOut(running: Running, target: string | { readonly sid: string }): Promise<number> {
  const { tessera, services } = running
  const { stores, clock } = services().context
  const sids =
    typeof target === 'string'
      ? (await stores.sessions.ofUser((await findUser(running, target)).sub))
          .filter(session => session.idle_expires_at > clock.now())
          .map(({ sid }) => sid)
      : [target.sid]
  const ended = []
  for (const sid of sids) ended.push(await tessera.endSession(sid, 'ended_by_operator'))
  await tessera.settled()
  return ended.filter(one => one !== undefined).length
}
