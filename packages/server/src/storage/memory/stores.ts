/** The store of tests and of `memory:`: everything in this process, nothing on disk. */

import type { Stores } from '../../model/ports/stores.ts'
import { createAttempts } from './attempts.ts'
import { createAuthorizations } from './authorizations.ts'
import { createCleanUp } from './clean-up.ts'
import { createCodes } from './codes.ts'
import { createCommit } from './commit.ts'
import { createConsents } from './consents.ts'
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
import { createRevokedTokens } from './revoked-tokens.ts'
import { createSecondFactors } from './second-factors.ts'
import { createSessions } from './sessions.ts'
import { createSettings } from './settings.ts'
import { createStoredUsers } from './stored-users.ts'
import { emptyTables } from './tables.ts'
import { createTotpSecrets } from './totp-secrets.ts'
import { createUpstreamRequests } from './upstream-requests.ts'
import { createUpstreamSessions } from './upstream-sessions.ts'
import { createUsedAssertions } from './used-assertions.ts'
import { createWaitingMails } from './waiting-mails.ts'

export function createMemoryStores(tables = emptyTables()): Stores {
  return {
    authorizations: createAuthorizations(tables),
    codes: createCodes(tables),
    devices: createDevices(tables),
    families: createFamilies(tables),
    referenceTokens: createReferenceTokens(tables),
    revokedTokens: createRevokedTokens(tables),
    usedAssertions: createUsedAssertions(tables),
    sessions: createSessions(tables),
    logoutNotices: createLogoutNotices(tables),
    consents: createConsents(tables),
    upstreamRequests: createUpstreamRequests(tables),
    identityLinks: createIdentityLinks(tables),
    upstreamSessions: createUpstreamSessions(tables),
    totpSecrets: createTotpSecrets(tables),
    recoveryCodes: createRecoveryCodes(tables),
    passkeys: createPasskeys(tables),
    secondFactors: createSecondFactors(tables),
    pendingSignIns: createPendingSignIns(tables),
    keys: createKeys(tables),
    settings: createSettings(tables),
    registeredClients: createRegisteredClients(tables),
    storedUsers: createStoredUsers(tables),
    waitingMails: createWaitingMails(tables),
    attempts: createAttempts(tables),
    pushedRequests: createPushedRequests(tables),
    principals: createPrincipals(tables),
    commit: createCommit(tables),
    cleanUp: createCleanUp(tables),
    ready: () => true,
    close: async () => {},
  }
}
