/**
 * Building blocks of the bounds, and of a peer without JWTs: handles, hashes and signatures, each as cheap as Node
 * allows.
 */

import { generateKeyPairSync, hash, type KeyObject, randomFillSync, sign, type webcrypto } from 'node:crypto'
import { type api, type apiRs256, lifetimes } from '../parties.ts'

const base64url = (text: string): string => Buffer.from(text).toString('base64url')
export const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer')
export const now = (): number => Math.floor(Date.now() / 1000)

const pool = Buffer.alloc(8192)
let used = pool.length

/** This many random bytes in base64url; drawn in bulk, which costs a thirtieth. */
export function handle(bytes = 32): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('base64url', used - bytes, used)
}

export type Signer = {
  readonly publicKey: KeyObject
  readonly jwk: webcrypto.JsonWebKey & { readonly alg: string; readonly kid: string }
  readonly jwt: (typ: 'at+jwt' | 'JWT', claims: object) => string
}

export function createSigner(alg: 'ES256' | 'RS256'): Signer {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const headOf = (typ: string): string => base64url(JSON.stringify({ alg, typ, kid: alg }))
  const heads = { 'at+jwt': headOf('at+jwt'), JWT: headOf('JWT') }
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
  return {
    publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), alg, kid: alg },
    jwt(typ, claims) {
      const input = `${heads[typ]}.${base64url(JSON.stringify(claims))}`
      return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
    },
  }
}

export const issuer = 'http://127.0.0.1'

/** The claims of an access token (RFC 9068 §2.2). */
export function accessClaims(
  { audience }: typeof api | typeof apiRs256,
  { client_id, sub, scope }: { readonly client_id: string; readonly sub: string; readonly scope: string },
): object {
  const iat = now()
  const exp = iat + lifetimes.accessToken
  return { iss: issuer, sub, aud: audience, exp, iat, jti: handle(16), client_id, scope }
}

/** The claims of an ID token (OpenID Connect Core 1.0 §2). */
export function idClaims(client_id: string, sub: string): object {
  const iat = now()
  return { iss: issuer, sub, aud: client_id, exp: iat + lifetimes.idToken, iat, auth_time: iat }
}
