/** `id_token_hint` (OpenID Connect Core 1.0 §3.1.2.1): an ID token of ours that says whom the client expects. */

import type { KeyRing } from '../model/keys.ts'
import { verifyJwt } from '../tokens/jwt.ts'

export type IdTokenHint = {
  /** As the client was told (OpenID Connect Core 1.0 §8). */
  readonly sub: string
  /** The client that it was issued to. */
  readonly client_id: string
  readonly sid?: string
}

/** Whom a hint names, once it was found to be one that the client may send. */
export type CheckedHint = Pick<IdTokenHint, 'sub' | 'client_id'>

/** What one of our ID tokens says, expired or not; undefined for anything else. */
export type ReadIdTokenHint = (token: string) => IdTokenHint | undefined

/** An expired one is taken: it hints, it does not sign in (§3.1.2.1). */
export const createIdTokenHintReader =
  ({ issuer, keys }: { issuer: string; keys: KeyRing }): ReadIdTokenHint =>
  token => {
    const claims = verifyJwt(keys, token, { typ: 'JWT' })?.claims
    if (claims?.iss !== issuer || typeof claims.sub !== 'string' || typeof claims.aud !== 'string') {
      return undefined
    }
    // A signed UserInfo answer has the same type, and no end (OpenID Connect Core 1.0 §5.3.2): it is no ID token.
    if (typeof claims.exp !== 'number') return undefined
    return {
      sub: claims.sub,
      client_id: claims.aud,
      ...(typeof claims.sid === 'string' && { sid: claims.sid }),
    }
  }
