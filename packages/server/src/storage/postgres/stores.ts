/** One issuer's store in PostgreSQL: the tables of one schema, on connections that all issuers share. */

import type { Stores } from '../../model/ports/stores.ts'
import { createAttempts } from './attempts.ts'
import { createAuthorizations } from './authorizations.ts'
import type { Changes } from './changes.ts'
import { createCleanUp } from './clean-up.ts'
import { createCodes } from './codes.ts'
import { createCommit } from './commit.ts'
import { createConsents } from './consents.ts'
import type { Database } from './database.ts'
import { createDevices } from './devices.ts'
import { createFamilies } from './families.ts'
import { createIdentityLinks } from './identity-links.ts'
import { createKeys } from './keys.ts'
import { createLogoutNotices } from './logout-notices.ts'
import { createPasskeys } from './passkeys.ts'
import { createPendingSignIns } from './pending-sign-ins.ts'
import { createPrincipals } from './principals.ts'
import { createPushedRequests } from './pushed-requests.ts'
import { createRecoveryCodes } from './recovery-codes.ts'
import { createReferenceTokens } from './reference-tokens.ts'
import { createRegisteredClients } from './registered-clients.ts'
import type { Replica } from './replica.ts'
import { createRevokedTokens } from './revoked-tokens.ts'
import { createSecondFactors } from './second-factors.ts'
import { createSessions } from './sessions.ts'
import { createProbe, createSettings } from './settings.ts'
import { createStoredUsers } from './stored-users.ts'
import { createTotpSecrets } from './totp-secrets.ts'
import { createUpstreamRequests } from './upstream-requests.ts'
import { createUpstreamSessions } from './upstream-sessions.ts'
import { createUsedAssertions } from './used-assertions.ts'
import { createWaitingMails } from './waiting-mails.ts'

/** `close`: lets go of what is the store's own. */
export const createPostgresStores = (
  database: Database,
  {
    changes,
    replica,
    close,
  }: {
    readonly changes: Changes
    readonly replica?: Replica | undefined
    readonly close: () => Promise<void>
  },
): Stores => ({
  authorizations: createAuthorizations(database),
  codes: createCodes(database),
  devices: createDevices(database),
  families: createFamilies(database),
  referenceTokens: createReferenceTokens(database),
  revokedTokens: createRevokedTokens(database),
  usedAssertions: createUsedAssertions(database),
  sessions: createSessions(database),
  logoutNotices: createLogoutNotices(database),
  consents: createConsents(database),
  upstreamRequests: createUpstreamRequests(database),
  identityLinks: createIdentityLinks(database),
  upstreamSessions: createUpstreamSessions(database),
  totpSecrets: createTotpSecrets(database),
  recoveryCodes: createRecoveryCodes(database),
  passkeys: createPasskeys(database),
  secondFactors: createSecondFactors(database),
  pendingSignIns: createPendingSignIns(database),
  keys: createKeys(database, changes),
  settings: createSettings(database),
  registeredClients: createRegisteredClients(database, changes, replica),
  storedUsers: createStoredUsers(database),
  waitingMails: createWaitingMails(database),
  attempts: createAttempts(database),
  pushedRequests: createPushedRequests(database),
  principals: createPrincipals(database, changes),
  commit: createCommit(database),
  cleanUp: createCleanUp(database),
  ready: createProbe(database),
  close,
})
