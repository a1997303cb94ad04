/** Every write operation of the store. An operation's place in this table is its number in the messages to the writer thread. */

import { attemptWrites } from './attempts.ts'
import { authorizationWrites } from './authorizations.ts'
import { cleanUpWrites } from './clean-up.ts'
import { codeWrites } from './codes.ts'
import { commitWrites } from './commit.ts'
import { consentWrites } from './consents.ts'
import { deviceWrites } from './devices.ts'
import { identityLinkWrites } from './identity-links.ts'
import { keyWrites } from './keys.ts'
import { logoutNoticeWrites } from './logout-notices.ts'
import { passkeyWrites } from './passkeys.ts'
import { pendingSignInWrites } from './pending-sign-ins.ts'
import { principalWrites } from './principals.ts'
import { pushedRequestWrites } from './pushed-requests.ts'
import { recoveryCodeWrites } from './recovery-codes.ts'
import { referenceTokenWrites } from './reference-tokens.ts'
import { registeredClientWrites } from './registered-clients.ts'
import { revokedTokenWrites } from './revoked-tokens.ts'
import { secondFactorWrites } from './second-factors.ts'
import { sessionWrites } from './sessions.ts'
import { settingWrites } from './settings.ts'
import { storedUserWrites } from './stored-users.ts'
import { totpSecretWrites } from './totp-secrets.ts'
import { upstreamRequestWrites } from './upstream-requests.ts'
import { upstreamSessionWrites } from './upstream-sessions.ts'
import { usedAssertionWrites } from './used-assertions.ts'
import { waitingMailWrites } from './waiting-mails.ts'

export const writes = {
  ...commitWrites,
  ...codeWrites,
  ...deviceWrites,
  ...authorizationWrites,
  ...referenceTokenWrites,
  ...revokedTokenWrites,
  ...usedAssertionWrites,
  ...sessionWrites,
  ...logoutNoticeWrites,
  ...consentWrites,
  ...upstreamRequestWrites,
  ...identityLinkWrites,
  ...upstreamSessionWrites,
  ...totpSecretWrites,
  ...recoveryCodeWrites,
  ...passkeyWrites,
  ...secondFactorWrites,
  ...pendingSignInWrites,
  ...keyWrites,
  ...settingWrites,
  ...registeredClientWrites,
  ...storedUserWrites,
  ...waitingMailWrites,
  ...attemptWrites,
  ...pushedRequestWrites,
  ...principalWrites,
  ...cleanUpWrites,
}

export const writeNames = Object.keys(writes) as readonly (keyof typeof writes)[]
