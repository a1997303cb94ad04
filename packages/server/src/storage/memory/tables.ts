/** The tables of the memory store: everything is lost when the process ends. */

import type {
  Authorization,
  AuthorizationCode,
  AuthorizationId,
  Consent,
  DeviceAuthorization,
  FamilyId,
  LogoutNotice,
  ReferenceToken,
  RefreshFamily,
  Session,
  StoredKey,
} from '../../model/authorization.ts'
import type { Passkey, PendingSignIn, TotpSecret } from '../../model/factor.ts'
import type { IdentityLink, UpstreamRequest, UpstreamSession } from '../../model/federation.ts'
import type { WaitingMail } from '../../model/mail.ts'
import type { PushedRequest, UsedAssertion } from '../../model/ports/stores.ts'
import type { RegisteredClient } from '../../model/registered-client.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { TokenHash } from '../../runtime/ports.ts'

export type RevokedToken = { readonly jti: string; readonly expires_at: number }

export type Tables = {
  readonly authorizations: Map<AuthorizationId, Authorization>
  readonly codes: Map<TokenHash, AuthorizationCode>
  readonly devices: Map<TokenHash, DeviceAuthorization>
  readonly userCodes: Map<TokenHash, TokenHash>
  readonly families: Map<FamilyId, RefreshFamily>
  readonly referenceTokens: Map<TokenHash, ReferenceToken>
  readonly revokedTokens: Map<string, RevokedToken>
  readonly usedAssertions: Map<TokenHash, UsedAssertion>
  readonly sessions: Map<TokenHash, Session>
  /** Of each living `sid`. */
  readonly sessionClients: Map<string, Set<string>>
  readonly logoutNotices: Map<string, LogoutNotice>
  readonly consents: Map<string, Consent>
  readonly upstreamRequests: Map<TokenHash, UpstreamRequest>
  readonly identityLinks: Map<string, IdentityLink>
  readonly upstreamSessions: Map<string, UpstreamSession>
  readonly totpSecrets: Map<string, TotpSecret>
  readonly recoveryCodes: Map<string, Set<TokenHash>>
  readonly passkeys: Map<string, Passkey>
  readonly pendingSignIns: Map<TokenHash, PendingSignIn>
  readonly keys: Map<string, StoredKey>
  readonly settings: Map<string, string>
  readonly registeredClients: Map<string, RegisteredClient>
  readonly userRecords: Map<string, StoredUser>
  readonly waitingMails: Map<string, WaitingMail>
  readonly attempts: Map<string, { readonly count: number; readonly expires_at: number }>
  readonly pushedRequests: Map<TokenHash, PushedRequest>
  /** Which of the configured ones stand. */
  readonly clients: Map<string, boolean>
  readonly users: Map<string, boolean>
  /** Which of those that are stored rather than configured stand. */
  readonly storedClients: Map<string, boolean>
  readonly storedUsers: Map<string, boolean>
}

export const emptyTables = (): Tables => ({
  authorizations: new Map(),
  codes: new Map(),
  devices: new Map(),
  userCodes: new Map(),
  families: new Map(),
  referenceTokens: new Map(),
  revokedTokens: new Map(),
  usedAssertions: new Map(),
  sessions: new Map(),
  sessionClients: new Map(),
  logoutNotices: new Map(),
  consents: new Map(),
  upstreamRequests: new Map(),
  identityLinks: new Map(),
  upstreamSessions: new Map(),
  totpSecrets: new Map(),
  recoveryCodes: new Map(),
  passkeys: new Map(),
  pendingSignIns: new Map(),
  keys: new Map(),
  settings: new Map(),
  registeredClients: new Map(),
  userRecords: new Map(),
  waitingMails: new Map(),
  attempts: new Map(),
  pushedRequests: new Map(),
  clients: new Map(),
  users: new Map(),
  storedClients: new Map(),
  storedUsers: new Map(),
})

/** Throws for an id that is taken: ids are random, so this is a bug, and it must not overwrite. */
export function requireNew<Id>(table: ReadonlyMap<Id, unknown>, id: Id): void {
  if (table.has(id)) throw new Error('a row with this id exists')
}
