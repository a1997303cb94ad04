/** ID tokens (OpenID Connect Core 1.0 §2, §3.1.3.6). */

import { hash } from 'node:crypto'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { EncryptForClient } from '../clients/keys/encryption.ts'
import type { RequestedClaims } from '../model/authorization.ts'
import type { Client, SigningAlgorithm } from '../model/client.ts'
import type { KeyRing } from '../model/keys.ts'
import type { Clock } from '../runtime/ports.ts'
import { type AccessTokenContent, authenticationClaims, reservedClaims } from './access-token.ts'
import { signJwt } from './jwt.ts'
import type { SubjectIdentifiers } from './subject-identifier.ts'

type IdTokenContent = {
  readonly client: Client
  readonly subject: NonNullable<AccessTokenContent['subject']>
  readonly nonce?: string
  /** Of the state, where the configuration asks for it (FAPI 1.0 Part 2 §5.1.1). */
  readonly s_hash?: string
  /** The access token issued with it: `at_hash` is made of it. */
  readonly accessToken?: string
  /** The code issued with it: `c_hash` is made of it (§3.3.2.11). */
  readonly code?: string
  /** Claims about the user; they never replace the registered ones. */
  readonly claims?: JsonObject
  /** What the authorization request asked for one by one (OpenID Connect Core 1.0 §5.5). */
  readonly requested?: RequestedClaims
}

export type IdTokens = { readonly make: (content: IdTokenContent) => Promise<string> }

export type IdTokenPorts = {
  readonly issuer: string
  readonly keys: KeyRing
  readonly subjects: SubjectIdentifiers
  readonly clock: Clock
  /** Whether every ID token has `idp`, as IdentityServer4's do. */
  readonly alwaysWithIdp: boolean
}

export const createIdTokens = ({ issuer, keys, subjects, clock, alwaysWithIdp }: IdTokenPorts): IdTokens => ({
  make({ client, subject, nonce, s_hash, accessToken, code, claims: ofUser, requested }) {
    const now = clock.now()
    const key = keys.signing(client.id_token_signed_response_alg)
    const claims: Record<string, Json | undefined> = {
      ...ofUser,
      ...reservedClaims,
      ...bound,
      iss: issuer,
      sub: subjects.subjectFor(client, subject.sub),
      aud: client.client_id,
      exp: now + client.identity_token_lifetime,
      iat: now,
      ...authenticationClaims(subject, subjects.sessionIdFor(client, subject.sid)),
      // No claim of OpenID Connect: clients that check for unknown ones warn about it.
      ...(!alwaysWithIdp && !isRequested(requested?.idp, subject.idp) && { idp: undefined }),
      ...(nonce !== undefined && { nonce }),
      ...(accessToken !== undefined && { at_hash: leftHalfHash(accessToken, key.alg) }),
      ...(code !== undefined && { c_hash: leftHalfHash(code, key.alg) }),
      ...(s_hash !== undefined && { s_hash }),
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

/** §5.5.1: a claim that is asked for with values is wanted with one of them only. */
const isRequested = (asked: RequestedClaims[string] | undefined, value: string): boolean =>
  asked !== undefined && (asked.values?.includes(value) ?? true)

/** What binds the token to its request and to what was issued with it: nobody else may say it. */
const bound = {
  nonce: undefined,
  at_hash: undefined,
  c_hash: undefined,
  s_hash: undefined,
  azp: undefined,
  nbf: undefined,
  jti: undefined,
} as const

const hashOf = {
  RS256: 'sha256',
  PS256: 'sha256',
  ES256: 'sha256',
  EdDSA: 'sha512',
} as const satisfies Record<SigningAlgorithm, string>

/** The left half of the hash that goes with the signing algorithm, in base64url (OpenID Connect Core 1.0 §3.1.3.6). */
export function leftHalfHash(text: string, alg: SigningAlgorithm): string {
  const digest = hash(hashOf[alg], text, 'buffer')
  return digest.toString('base64url', 0, digest.length / 2)
}
