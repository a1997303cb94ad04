/** The standard grants of the token endpoint: discovery, client validation and the command line read this list. */

import type { Grant } from '../decision.ts'
import { authorizationCode } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import { deviceCode } from './device-code.ts'
import { password } from './password.ts'
import { refreshToken } from './refresh-token.ts'

export const standardGrants = [
  authorizationCode,
  clientCredentials,
  password,
  refreshToken,
  deviceCode,
] as const satisfies readonly Grant[]
