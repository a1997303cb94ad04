/** The keys that a server signs tokens with (RFC 7517 §5, OpenID Connect Core 1.0 §10.1.1). */

import type { Seconds } from '@tessera/protocol/brand'
import { ClientError } from '../error.ts'
import { jsonObject } from '../http/response.ts'
import type { JwtHeader } from '../jwt/decode.ts'
import type { Jwk } from '../jwt/jwk.ts'
import { isUsableForEncryption } from '../jwt/key-encryption.ts'
import { type KeySource, matchingKeys } from '../jwt/key-source.ts'
import { publicJwk } from '../jwt/thumbprint.ts'
import { fail, ok, type Result } from '../result.ts'
import type { Issuer } from './issuer.ts'
import { endpointUrl } from './metadata.ts'

/** Seconds between requests that tokens with unknown keys cause, and between attempts after a failure. */
const cooldown: Seconds = 30
/** How long keys are used if newer ones can't be requested, or the newer set has no usable key. */
const maxStale: Seconds = 86_400

type Matches = (keys: readonly Jwk[], header: JwtHeader) => readonly Jwk[]

const sources = new WeakMap<Issuer, KeySource>()
const encryptionSources = new WeakMap<Issuer, KeySource>()

/**
 * Returns the keys of an issuer as a source for {@link verifyJwt}. They are requested when the first token needs them
 * and shared by all callers. A token with a key that is not known makes the source request them again, at most once in
 * 30 seconds. While newer keys can't be requested, or their set has no usable key, the older ones are used for up to a day.
 */
export const issuerKeys = (issuer: Issuer): KeySource => sourceFor(issuer, sources, matchingKeys)

/** Returns the keys that tokens for the issuer are encrypted with, as {@link issuerKeys} does for signatures. */
export const issuerEncryptionKeys = (issuer: Issuer): KeySource =>
  sourceFor(issuer, encryptionSources, (keys, { alg }) => keys.filter(key => isUsableForEncryption(key, alg)))

function sourceFor(issuer: Issuer, known: WeakMap<Issuer, KeySource>, matches: Matches): KeySource {
  const source = known.get(issuer) ?? createKeySource(issuer, matches)
  known.set(issuer, source)
  return source
}

type KeySet = { readonly keys: readonly Jwk[]; readonly loadedAt: Seconds }

function createKeySource(issuer: Issuer, matches: Matches): KeySource {
  const { jwksMaxAge = 600 } = issuer.policy
  let kept: KeySet | undefined
  let loading: Promise<Result<KeySet>> | undefined
  let extraAt: Seconds | undefined
  let failedAt: Seconds | undefined

  // If the clock was set back, the keys count as old.
  const isWithin = (time: Seconds | undefined, seconds: Seconds): boolean => {
    const age = issuer.now() - (time ?? Number.NEGATIVE_INFINITY)
    return age >= 0 && age < seconds
  }

  async function load(): Promise<Result<KeySet>> {
    try {
      const keys = orUnusable(await requestKeys(issuer))
      failedAt = keys.ok ? undefined : issuer.now()
      if (!keys.ok) return keys
      kept = { keys: keys.value, loadedAt: issuer.now() }
      return ok(kept)
    } finally {
      loading = undefined
    }
  }

  /** Returns an error instead of a set without usable keys, if there are usable ones already. */
  const orUnusable = (newer: Result<readonly Jwk[]>): Result<readonly Jwk[]> =>
    newer.ok && kept?.keys.some(isComplete) && !newer.value.some(isComplete)
      ? fail(new ClientError('invalid', 'keys_invalid', `the key set of ${issuer.url} has no usable key`))
      : newer

  const reload = (): Promise<Result<KeySet>> => {
    loading ??= load()
    return loading
  }

  /** Returns the keys if they need not be requested: they are recent, or the last request has just failed. */
  const current = (): KeySet | undefined =>
    kept &&
    (isWithin(kept.loadedAt, jwksMaxAge) ||
      (isWithin(failedAt, cooldown) && isWithin(kept.loadedAt, maxStale)))
      ? kept
      : undefined

  async function renewed(): Promise<Result<KeySet>> {
    const loaded = await reload()
    return !loaded.ok && kept && isWithin(kept.loadedAt, maxStale) ? ok(kept) : loaded
  }

  /** Returns newer keys; undefined if they were requested for another token a short time ago. */
  async function newer(): Promise<Result<KeySet> | undefined> {
    if (!loading) {
      if (isWithin(extraAt, cooldown)) return undefined
      extraAt = issuer.now()
    }
    return reload()
  }

  return {
    async find(header) {
      const known = current()
      const set = known ? ok(known) : await renewed()
      if (!set.ok) return set
      const found = matches(set.value.keys, header)
      // Keys that this call has requested itself are not requested again.
      if (found.length > 0 || !known) return ok(found)
      const latest = await newer()
      if (!latest) return ok([])
      return latest.ok ? ok(matches(latest.value.keys, header)) : latest
    },
    async refresh(header, tried) {
      // Another call may have requested newer keys since.
      const replaced = matches(kept?.keys ?? [], header).filter(key => !tried.includes(key))
      if (replaced.length > 0) return ok(replaced)
      const latest = await newer()
      return latest?.ok ? ok(matches(latest.value.keys, header)) : ok([])
    },
  }
}

async function requestKeys(issuer: Issuer): Promise<Result<readonly Jwk[]>> {
  const metadata = await issuer.metadata()
  if (!metadata.ok) return metadata
  const url = endpointUrl(metadata.value, 'jwks_uri')
  if (!url.ok) return url
  const received = await issuer.send({
    operation: 'jwks',
    method: 'GET',
    url: url.value,
    headers: { accept: 'application/jwk-set+json, application/json' },
  })
  if (!received.ok) return received
  const { value: response } = received
  if (response.status !== 200)
    return fail(
      new ClientError(
        'response',
        `http_${response.status}`,
        `the keys of ${issuer.url} have status ${response.status}`,
        {
          response,
        },
      ),
    )
  const keys = jsonObject(response)?.keys
  return Array.isArray(keys)
    ? ok((keys as readonly unknown[]).filter(isPublicJwk))
    : fail(new ClientError('invalid', 'keys_invalid', `${url.value} is not a JSON Web Key Set`, { response }))
}

/** Returns whether a value is a key of a pair. Anything else in a set is ignored (RFC 7517 §5), secrets above all. */
function isPublicJwk(value: unknown): value is Jwk {
  if (typeof value !== 'object' || value === null) return false
  const { kty, kid } = value as Readonly<Record<string, unknown>>
  return typeof kty === 'string' && kty !== 'oct' && (kid === undefined || typeof kid === 'string')
}

/** Returns whether a key has all members of its type (RFC 7518 §6). */
const isComplete = (key: Jwk): boolean =>
  Object.values(publicJwk(key) ?? { kty: undefined }).every(member => typeof member === 'string')
