/** `id_token_hint` (OpenID Connect Core 1.0 §3.1.2.1): an ID token of this server that identifies the expected user. */

import type { KeyRing } from '../model/keys.ts'
import { verifyJwt } from '../tokens/jwt.ts'

export type IdTokenHint = {
  /** The identifier that the client knows (OpenID Connect Core 1.0 §8). */
  readonly sub: string
  /** The client that the ID token was issued to. */
  readonly client_id: string
  readonly sid?: string
}

/** The user of a hint that the client may send. */
export type CheckedHint = Pick<IdTokenHint, 'sub' | 'client_id'>

/** Returns the content of an ID token of this server; undefined for anything else. */
export type ReadIdTokenHint = (token: string) => IdTokenHint | undefined

/**
 * Creates the reader. It accepts expired ID tokens, and those of a server whose keys were imported, because they only
 * hint at the user (§3.1.2.1).
 */
export const createIdTokenHintReader =
  ({ issuer, keys }: { issuer: string; keys: KeyRing }): ReadIdTokenHint =>
  token => {
    const claims = verifyJwt({ verification: keys.published }, token, { typ: 'JWT' })?.claims
    if (claims?.iss !== issuer || typeof claims.sub !== 'string' || typeof claims.aud !== 'string') {
      return undefined
    }
    // A signed UserInfo response has the same type but no `exp` (OpenID Connect Core 1.0 §5.3.2).
    if (typeof claims.exp !== 'number') return undefined
    return {
      sub: claims.sub,
      client_id: claims.aud,
      ...(typeof claims.sid === 'string' && { sid: claims.sid }),
    }
  }
