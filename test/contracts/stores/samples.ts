/** Rows for the contract: each with a unique id, at a fixed time. */

import { randomBytes } from 'node:crypto'
import type {
  Authorization,
  AuthorizationCode,
  AuthorizationId,
  DeviceAuthorization,
  FamilyId,
  ReferenceToken,
  RefreshFamily,
  Session,
} from '../../../packages/server/src/model/authorization.ts'
import type { Commit, Stores } from '../../../packages/server/src/model/ports/stores.ts'
import type { StoredUser } from '../../../packages/server/src/model/stored-user.ts'
import type { TokenHash } from '../../../packages/server/src/runtime/ports.ts'

export const now = 1_790_000_000
export const minute = 60
export const day = 86_400

export const newHash = (): TokenHash => randomBytes(32).toString('base64url') as TokenHash
const newId = (): string => randomBytes(16).toString('base64url')
export const unknownAuthorization = (): AuthorizationId => newId() as AuthorizationId
export const unknownFamily = (): FamilyId => newId() as FamilyId

export const sampleAuthorization = (fields: Partial<Authorization> = {}): Authorization => ({
  id: newId() as AuthorizationId,
  client_id: 'web',
  sub: 'alice',
  scope: ['api1', 'offline_access', 'openid'],
  resources: [],
  idp: 'local',
  amr: ['pwd'],
  auth_time: now,
  created_at: now,
  expires_at: now + day,
  ...fields,
})

export const sampleCode = (
  authorization: Authorization,
  fields: Partial<AuthorizationCode> = {},
): AuthorizationCode => ({
  hash: newHash(),
  authorization_id: authorization.id,
  redirect_uri: 'https://app.example/callback',
  expires_at: now + 5 * minute,
  ...fields,
})

export const sampleDevice = (fields: Partial<DeviceAuthorization> = {}): DeviceAuthorization => ({
  hash: newHash(),
  user_code_hash: newHash(),
  client_id: 'web',
  scope: ['openid'],
  status: 'pending',
  interval: 5,
  expires_at: now + 5 * minute,
  ...fields,
})

export const sampleFamily = (
  authorization: Authorization,
  fields: Partial<RefreshFamily> = {},
): RefreshFamily => ({
  id: newId() as FamilyId,
  authorization_id: authorization.id,
  client_id: authorization.client_id,
  generation: 1,
  scope: authorization.scope,
  created_at: now,
  expires_at: now + day,
  idle_expires_at: now + day,
  rotated_at: now,
  ...fields,
})

export const sampleReferenceToken = (fields: Partial<ReferenceToken> = {}): ReferenceToken => ({
  hash: newHash(),
  client_id: 'web',
  claims: { iss: 'https://issuer.example', aud: ['a', 'b'], cnf: { jkt: 'thumbprint' } },
  expires_at: now + minute,
  ...fields,
})

export const sampleSession = (fields: Partial<Session> = {}): Session => ({
  hash: newHash(),
  sid: newId(),
  sub: 'alice',
  idp: 'local',
  amr: ['pwd', 'otp'],
  auth_time: now,
  created_at: now,
  expires_at: now + day,
  idle_expires_at: fields.expires_at ?? now + day,
  idle_lifetime: day,
  last_seen_at: now,
  ...fields,
})

export const sampleUser = (fields: Partial<StoredUser> = {}): StoredUser => {
  const sub = newHash()
  return {
    sub,
    version: 1,
    epoch: 0,
    username: sub,
    username_key: sub,
    claims: {},
    created_at: now,
    ...fields,
  }
}

export const sampleCommit = (fields: Partial<Commit> = {}): Commit => ({
  at: now,
  client_id: 'web',
  sub: 'alice',
  ...fields,
})

/** Stores an active session; returns its `sid`. */
export async function signedIn(stores: Stores): Promise<string> {
  const session = sampleSession()
  await stores.sessions.create(session)
  return session.sid
}

/** Enables the client `web` and the user `alice`, and only them. */
export const enablePrincipals = (stores: Stores): Promise<boolean> =>
  stores.principals.sync({
    clients: [{ id: 'web', enabled: true }],
    users: [{ id: 'alice', enabled: true }],
  })

/** A stored authorization with a code. */
export async function issuedCode(stores: Stores, fields: Partial<AuthorizationCode> = {}) {
  const authorization = sampleAuthorization()
  const code = sampleCode(authorization, fields)
  await stores.codes.issue(authorization, code)
  return { authorization, code }
}

/** A stored device authorization that the user approved. */
export async function approvedDevice(stores: Stores) {
  const authorization = sampleAuthorization()
  const device = sampleDevice()
  await stores.devices.issue(device)
  await stores.devices.approve(device.user_code_hash, authorization, now, await signedIn(stores))
  return { authorization, device }
}

/** A stored authorization with a refresh family of generation 1. */
export async function foundedFamily(stores: Stores, fields: Partial<RefreshFamily> = {}) {
  const authorization = sampleAuthorization()
  const family = sampleFamily(authorization, fields)
  await stores.commit(sampleCommit({ issue: { authorization, family } }))
  return { authorization, family }
}

/** Returns how many of the outcomes are each of these. */
export const tally = (outcomes: readonly unknown[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[String(outcome)] = (counts[String(outcome)] ?? 0) + 1
  return counts
}
