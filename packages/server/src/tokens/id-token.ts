/** ID tokens (OpenID Connect Core 1.0 §2, §3.1.3.6). */

import type { Json, JsonObject } from '@tessera/protocol/result'
import type { EncryptForClient } from '../clients/keys/encryption.ts'
import type { RequestedClaims } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import type { KeyRing } from '../model/keys.ts'
import { leftHalfHash } from '../model/signature-algorithm.ts'
import type { Clock } from '../runtime/ports.ts'
import { type AccessTokenContent, authenticationClaims } from './access-token.ts'
import { signJwt } from './jwt.ts'
import type { SubjectIdentifiers } from './subject-identifier.ts'

type IdTokenContent = {
  readonly client: Client
  readonly subject: NonNullable<AccessTokenContent['subject']>
  readonly nonce?: string
  /** The hash of the `state`, if configured (FAPI 1.0 Part 2 §5.1.1). */
  readonly s_hash?: string
  /** The access token issued with it, for `at_hash`. */
  readonly accessToken?: string
  /** The code issued with it, for `c_hash` (§3.3.2.11). */
  readonly code?: string
  /** Claims about the user. They can't replace registered ones. */
  readonly claims?: JsonObject
  /** Claims that the authorization request requested individually (OpenID Connect Core 1.0 §5.5). */
  readonly requested?: RequestedClaims
}

export type IdTokens = { readonly make: (content: IdTokenContent) => Promise<string> }

type IdTokenPorts = {
  readonly issuer: string
  readonly keys: KeyRing
  readonly subjects: SubjectIdentifiers
  readonly clock: Clock
  /** Whether every ID token has `idp`, as in IdentityServer4. */
  readonly alwaysWithIdp: boolean
}

export const createIdTokens = ({ issuer, keys, subjects, clock, alwaysWithIdp }: IdTokenPorts): IdTokens => ({
  make({ client, subject, nonce, s_hash, accessToken, code, claims: ofUser, requested }) {
    const now = clock.now()
    const key = keys.signing(client.id_token_signed_response_alg)
    const claims: Record<string, Json | undefined> = {
      ...ofUser,
      ...unusedClaims,
      iss: issuer,
      sub: subjects.subjectFor(client, subject.sub),
      aud: client.client_id,
      exp: now + client.identity_token_lifetime,
      iat: now,
      ...authenticationClaims(subject, subjects.sessionIdFor(client, subject.sid)),
      // OpenID Connect does not define `idp`, and some clients warn about unknown claims.
      idp: alwaysWithIdp || isRequested(requested?.idp, subject.idp) ? subject.idp : undefined,
      nonce,
      at_hash: accessToken === undefined ? undefined : leftHalfHash(accessToken, key.alg),
      c_hash: code === undefined ? undefined : leftHalfHash(code, key.alg),
      s_hash,
    }
    return signJwt(key, 'JWT', claims)
  },
})

/** Encrypts the signed ID tokens of clients that registered for it (OpenID Connect Core 1.0 §2, §10.2). */
export const createEncryptedIdTokens = (signed: IdTokens, encrypt: EncryptForClient): IdTokens => ({
  async make(content) {
    const { client } = content
    const { id_token_encrypted_response_alg: alg, id_token_encrypted_response_enc: enc } = client
    const token = await signed.make(content)
    return alg === undefined ? token : encrypt(client, { alg, enc }, token, 'JWT')
  },
})

/** Returns whether the claim was requested, and with this value if values were given (§5.5.1). */
const isRequested = (asked: RequestedClaims[string] | undefined, value: string): boolean =>
  asked !== undefined && (asked.values?.includes(value) ?? true)

/** Unsets registered claims that only this server may set, and that its ID tokens don't have. */
const unusedClaims = { azp: undefined, nbf: undefined, jti: undefined } as const
