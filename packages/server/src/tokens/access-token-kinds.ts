/** The types of JWT access tokens, and how a JWT of ours is known to be one. */

import type { AccessTokenTyp } from '../model/resource.ts'
import type { JwtKind } from './jwt.ts'

/**
 * ID tokens and signed UserInfo responses have the type `JWT` too, and an operator may put any claims into both. So the
 * difference is in the header, which nobody but this server writes.
 */
export const accessTokenKinds = {
  'at+jwt': { typ: 'at+jwt' },
  JWT: { typ: 'JWT', token_use: 'access_token' },
} as const satisfies Record<AccessTokenTyp, JwtKind>
