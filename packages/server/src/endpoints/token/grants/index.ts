/** The grants of the token endpoint. Discovery lists them. */

import type { ExtensionGrant } from '../../../model/extension-grant.ts'
import type { Grant } from '../decision.ts'
import { authorizationCode } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import { deviceCode } from './device-code.ts'
import { fromExtension } from './extension.ts'
import { type AssertionIssuer, jwtBearer } from './jwt-bearer.ts'
import { password } from './password.ts'
import { refreshToken } from './refresh-token.ts'
import { tokenExchange } from './token-exchange.ts'

export const standardGrants = [
  authorizationCode,
  clientCredentials,
  password,
  refreshToken,
  deviceCode,
] as const satisfies readonly Grant[]

type GrantOptions = {
  /** Whether passwords can be checked; otherwise there is no password grant. */
  readonly checksPasswords: boolean
  /** Extension grants of modules. They replace a built-in grant of the same type. */
  readonly extensions: readonly ExtensionGrant[]
  /** Without trusted issuers there is no JWT bearer grant. */
  readonly trustedIssuers: readonly AssertionIssuer[]
  /** How long an extension grant may take, in seconds. */
  readonly hookTimeout: number
}

/** Returns the grants that this server offers. */
export function grantsOf({
  checksPasswords,
  extensions,
  trustedIssuers,
  hookTimeout,
}: GrantOptions): readonly Grant[] {
  const builtIn = [
    tokenExchange(),
    ...(trustedIssuers.length > 0 ? [jwtBearer({ issuers: trustedIssuers })] : []),
  ]
  const own = new Set(extensions.map(({ grantType }) => grantType))
  return [
    ...standardGrants.filter(grant => checksPasswords || grant !== password),
    ...[...extensions, ...builtIn.filter(({ grantType }) => !own.has(grantType))].map(extension =>
      fromExtension(extension, hookTimeout),
    ),
  ]
}
