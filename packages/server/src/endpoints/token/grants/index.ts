/** The grants of the token endpoint: discovery reads this list. */

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

export type GrantOptions = {
  /** Whether anyone can check a password: without users, validator or credential authority there is no password grant. */
  readonly checksPasswords: boolean
  /** A module's own; one of a built-in grant type takes its place. */
  readonly extensions: readonly ExtensionGrant[]
  /** Without any there is no JWT bearer grant. */
  readonly trustedIssuers: readonly AssertionIssuer[]
}

/** Every grant that this server offers. */
export function grantsOf({ checksPasswords, extensions, trustedIssuers }: GrantOptions): readonly Grant[] {
  const builtIn = [
    tokenExchange(),
    ...(trustedIssuers.length > 0 ? [jwtBearer({ issuers: trustedIssuers })] : []),
  ]
  const own = new Set(extensions.map(({ grantType }) => grantType))
  return [
    ...standardGrants.filter(grant => checksPasswords || grant !== password),
    ...[...extensions, ...builtIn.filter(({ grantType }) => !own.has(grantType))].map(fromExtension),
  ]
}
