/** Secrets of clients and APIs: hashes of shared secrets, certificates and keys. */

import { X509Certificate } from 'node:crypto'
import type { Path } from '../../configuration/validation/schema.ts'
import type { Source } from '../source.ts'
import { elementsOf, ignoreChildMembers, instantOf } from './rows.ts'

type Jwk = Readonly<Record<string, unknown>>

export type Secrets = {
  readonly shared: readonly Readonly<Record<string, string>>[]
  /** Public keys, with which a client authenticates by `private_key_jwt`. */
  readonly keys: readonly Jwk[]
}

/** @param at the places of shared secrets and of keys. */
export function readSecrets(source: Source, at: { readonly shared: Path; readonly keys: Path }): Secrets {
  const shared: Record<string, string>[] = []
  const keys: Jwk[] = []
  for (const secret of elementsOf(source)) {
    ignoreChildMembers(secret)
    secret.member('Description').notNeeded('it only describes the secret')
    const type = secret.member('Type')
    const kind = (type.exists ? type.text() : 'SharedSecret') ?? ''
    const value = secret.member('Value')
    const expiration = secret.member('Expiration')
    if (kind === 'SharedSecret') {
      const hash = hashOf(value)
      if (!hash) continue
      value.carriedOver([...at.shared, shared.length])
      shared.push({ ...hash, ...expiresAt(expiration, [...at.shared, shared.length, 'expires_at']) })
      type.carriedOver([...at.shared, shared.length - 1])
      continue
    }
    const key = keyOf(kind, value)
    if (!key) {
      secret.notPossible(`a secret of type ${kindName(kind)} has no counterpart: ${reasonOf(kind)}`)
      continue
    }
    type.carriedOver(at.keys)
    value.carriedOver([...at.keys, 'keys', keys.length])
    expiration.notPossible('keys have no end; remove it from jwks then')
    keys.push(key)
  }
  return { shared, keys }
}

function hashOf(value: Source): Record<string, string> | undefined {
  const text = value.text()
  if (text === undefined) return
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return { sha256: text }
  if (/^[A-Za-z0-9+/]{86}==$/.test(text)) return { sha512: text }
  value.notPossible('it is not a SHA-256 or SHA-512 hash in base64, as Secret.Sha256() returns')
}

function expiresAt(source: Source, target: Path): { readonly expires_at?: string } {
  const text = source.text()
  if (text === undefined) return {}
  const expires_at = instantOf(text)
  if (expires_at === undefined) {
    // Without its end, the secret would be valid for longer than before.
    source.changed('it is not a time, so the secret counts as expired', target)
    return { expires_at: '2000-01-01T00:00:00Z' }
  }
  source.carriedOver(target)
  return { expires_at }
}

function keyOf(kind: string, value: Source): Jwk | undefined {
  try {
    if (kind === 'X509CertificateBase64') {
      const certificate = new X509Certificate(Buffer.from(String(value.whole()), 'base64'))
      return { ...certificate.publicKey.export({ format: 'jwk' }), x5c: [certificate.raw.toString('base64')] }
    }
    if (kind !== 'JWK') return
    const jwk: unknown = value.isObject ? value.whole() : JSON.parse(String(value.whole()))
    if (typeof jwk !== 'object' || jwk === null || !('kty' in jwk) || jwk.kty === 'oct') return
    return Object.fromEntries(Object.entries(jwk).filter(([name]) => !privateMembers.has(name)))
  } catch {
    return undefined
  }
}

const privateMembers: ReadonlySet<string> = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'])

const kindName = (kind: string): string => (/^\w{1,40}$/.test(kind) ? kind : 'unknown')

const reasonOf = (kind: string): string =>
  ({
    X509Thumbprint: 'add the certificate to jwks with x5c, and use self_signed_tls_client_auth',
    X509Name: 'use tls_client_auth with tls_client_auth_subject_dn, and configure mtls',
    X509CertificateBase64: 'it is not a certificate in base64',
    JWK: 'it is not a public JWK',
  })[kind] ?? 'the type is unknown'
