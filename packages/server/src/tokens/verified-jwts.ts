/**
 * JWTs of ours whose signature was verified before (RFC 7515 §5.2): it fits for as long as its key is published, and
 * checking it costs more than all else about a token. Whether the token is still good is asked each time.
 */

import type { JsonObject } from '@tessera/protocol/result'
import type { KeyRing } from '../model/keys.ts'
import { type JwtKind, readClaims, verifyJwt } from './jwt.ts'

/** Some kilobytes each. Only tokens with a right signature come in, so that strangers can't push others out. */
const most = 2000

/** Answers the claims of a JWT of one of these kinds; undefined for one that no published key signed. */
export function createJwtVerificationCache(
  keys: Pick<KeyRing, 'verification'>,
  ...kinds: readonly JwtKind[]
): (token: string) => JsonObject | undefined {
  /** The `kid` of each, which is made of the key: what it names is the key that fitted, or nothing any more. */
  const signers = new Map<string, string>()

  return token => {
    const kid = signers.get(token)
    // Read anew: nobody is given an object that another request may have changed.
    if (kid !== undefined && keys.verification(kid)) return readClaims(token)
    const verified = verifyJwt(keys, token, ...kinds)
    if (!verified) return undefined
    const [oldest] = signers.keys()
    if (oldest !== undefined && signers.size >= most) signers.delete(oldest)
    signers.set(token, verified.key.kid)
    return verified.claims
  }
}
