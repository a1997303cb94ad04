/** A client's key, and DPoP proofs with it (RFC 9449 §4.2), valid and not. */

import { generateKeyPairSync, hash, type KeyObject, randomUUID, sign } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { issuer, startOfTime } from './tessera.ts'

export type ProofOptions = {
  readonly method?: string
  /** A path of the issuer. */
  readonly path?: string
  readonly token?: string
  readonly nonce?: string | undefined
  readonly at?: number
  /** Replaces members of the header, for invalid proofs. */
  readonly header?: object
  readonly claims?: object
}

export type Prover = {
  readonly jkt: string
  readonly jwk: Readonly<Record<string, unknown>>
  readonly privateKey: KeyObject
  readonly proof: (options?: ProofOptions) => string
  /** The headers of a request to a protected resource. */
  readonly headers: (token: string, options?: ProofOptions) => { authorization: string; dpop: string }
}

export async function createProver(): Promise<Prover> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>
  const proof: Prover['proof'] = ({
    method = 'POST',
    path = '/connect/token',
    at = startOfTime,
    token,
    nonce,
    header,
    claims,
  } = {}) =>
    signProof(
      { typ: 'dpop+jwt', alg: 'ES256', jwk, ...header },
      {
        jti: randomUUID(),
        htm: method,
        htu: issuer + path,
        iat: at,
        ...(nonce !== undefined && { nonce }),
        ...(token !== undefined && { ath: hash('sha256', token, 'base64url') }),
        ...claims,
      },
      text => sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    )
  return {
    jkt: await calculateJwkThumbprint(jwk),
    jwk,
    privateKey,
    proof,
    headers: (token, options) => ({
      authorization: `DPoP ${token}`,
      dpop: proof({ method: 'GET', path: '/connect/userinfo', ...options, token }),
    }),
  }
}

/** Returns a JWT with this header and these claims, however wrong. */
export function signProof(header: object, claims: object, signature: (text: string) => Uint8Array): string {
  const text = [header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${Buffer.from(signature(text)).toString('base64url')}`
}
