/**
 * Signs and verifies our own JWTs (RFC 7515 §3.1, RFC 7519). Uses `node:crypto` directly because this is a hot path.
 */

import { sign, verify } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { parseJsonObject } from '@tessera/protocol/json'
import { maxTokenLength } from '@tessera/protocol/parameters'
import type { JsonObject } from '@tessera/protocol/result'
import { signatureAlgorithmNames, signatureAlgorithms } from '@tessera/protocol/signature-algorithms'
import type { SigningAlgorithm } from '../model/client.ts'
import type { KeyRing, SigningKey, VerificationKey } from '../model/keys.ts'
import type { AccessTokenTyp } from '../model/resource.ts'
import { cryptoParameters } from '../model/signature-algorithm.ts'
import { batchPerTick } from '../runtime/async/batch-per-tick.ts'

/** Algorithms that are worth signing with on another thread. The others cost less than switching threads. */
const slow: ReadonlySet<SigningAlgorithm> = new Set(
  signatureAlgorithmNames.filter(alg => ['RSA', 'AKP'].includes(signatureAlgorithms[alg].kty)),
)

/** On a single processor, another thread would only compete with the main one. */
const hasOtherProcessors = availableParallelism() > 1

type Signing = {
  readonly key: SigningKey
  readonly input: string
  readonly resolve: (token: string) => void
  readonly reject: (error: unknown) => void
}

/** Identifies the purpose of a JWT by its header. */
export type JwtKind = {
  /** RFC 7519 §5.1, for example `at+jwt` (RFC 9068 §2.1). */
  readonly typ: string
  /** Separates kinds with the same `typ`. A private header parameter (RFC 7515 §4.3), which others ignore. */
  readonly token_use?: string
}

/**
 * The kinds of JWT access tokens. ID tokens and signed UserInfo responses also have the type `JWT`, and operators may
 * add any claim to both. Only the header is reliable, because only this server writes it.
 */
export const accessTokenKinds = {
  'at+jwt': { typ: 'at+jwt' },
  JWT: { typ: 'JWT', token_use: 'access_token' },
} as const satisfies Record<AccessTokenTyp, JwtKind>

/**
 * Returns the signed JWT.
 * @param kind a string is a `typ`.
 */
export function signJwt(key: SigningKey, kind: JwtKind | string, claims: object): Promise<string> {
  const input = `${headerOf(key, kind)}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  const signWhere = slow.has(key.alg) && hasOtherProcessors ? signOffThread : signInBatch
  return new Promise((resolve, reject) => signWhere({ key, input, resolve, reject }))
}

/** Signs back to back, which costs half as much as signing between other work. */
const signInBatch = batchPerTick(({ key, input, resolve, reject }: Signing) => {
  const { digest, options } = cryptoParameters[key.alg]
  try {
    const signature = sign(digest, Buffer.from(input), { ...options, key: key.privateKey })
    resolve(`${input}.${signature.toString('base64url')}`)
  } catch (error) {
    reject(error)
  }
})

function signOffThread({ key, input, resolve, reject }: Signing): void {
  const { digest, options } = cryptoParameters[key.alg]
  sign(digest, Buffer.from(input), { ...options, key: key.privateKey }, (error, signature) => {
    if (error) reject(error)
    else resolve(`${input}.${signature.toString('base64url')}`)
  })
}

const headers = new WeakMap<SigningKey, Map<JwtKind | string, string>>()

function headerOf(key: SigningKey, kind: JwtKind | string): string {
  const known = headers.get(key) ?? new Map<JwtKind | string, string>()
  headers.set(key, known)
  const before = known.get(kind)
  if (before !== undefined) return before
  const header = Buffer.from(
    JSON.stringify({ alg: key.alg, ...(typeof kind === 'string' ? { typ: kind } : kind), kid: key.kid }),
  ).toString('base64url')
  known.set(kind, header)
  return header
}

type VerifiedJwt = {
  readonly header: JsonObject
  readonly claims: JsonObject
  /** The key that signed it. */
  readonly key: VerificationKey
}

const compact = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/

/**
 * Verifies a JWT. Returns undefined unless it has a valid signature by a published key, that key's algorithm, and an
 * expected kind. The caller checks lifetime and issuer.
 */
export function verifyJwt(
  keys: Pick<KeyRing, 'verification'>,
  token: string,
  ...kinds: readonly JwtKind[]
): VerifiedJwt | undefined {
  if (token.length > maxTokenLength) return undefined
  const [, head, payload, signature] = compact.exec(token) ?? []
  if (head === undefined || payload === undefined || signature === undefined) return undefined
  const header = parse(head)
  if (typeof header?.kid !== 'string' || header.crit !== undefined) return undefined
  const { typ, token_use } = header
  if (!kinds.some(kind => kind.typ === typ && kind.token_use === token_use)) return undefined
  const key = keys.verification(header.kid)
  if (!key || header.alg !== key.alg) return undefined
  const bytes = Buffer.from(signature, 'base64url')
  // Reject non-canonical base64url, so that a token has only one spelling.
  if (bytes.toString('base64url') !== signature) return undefined
  const { digest, options } = cryptoParameters[key.alg]
  const fits = verify(digest, Buffer.from(`${head}.${payload}`), { ...options, key: key.publicKey }, bytes)
  const claims = fits ? parse(payload) : undefined
  return claims && { header, claims, key }
}

/** Returns the claims of a JWT without verifying its signature. */
export const readClaims = (token: string): JsonObject | undefined =>
  parse(token.slice(token.indexOf('.') + 1, token.lastIndexOf('.')))

const parse = (part: string): JsonObject | undefined =>
  parseJsonObject(Buffer.from(part, 'base64url').toString())
