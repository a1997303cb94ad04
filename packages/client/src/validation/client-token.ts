/** Verifies tokens that a server signs for one client: with its keys, or with the client's secret. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client } from '../create-client.ts'
import { issuerKeys } from '../discovery/keys.ts'
import { secretAlgorithms } from '../jwt/algorithms.ts'
import { type KeySource, secretKey } from '../jwt/key-source.ts'
import { type VerifiedJwt, type VerifyOptions, verifyJwt } from '../jwt/verify.ts'
import { ok, type Result } from '../result.ts'
import { type AlgorithmList, supportedAlgorithms } from './algorithms.ts'
import type { TokenOptions } from './claims.ts'

/** How tokens for a client are verified. */
export type ClientTokenOptions = TokenOptions & {
  /** The client's secret, if the server signs with it: then HS256, HS384 and HS512 are accepted as well. */
  readonly client_secret?: string | undefined
}

type ClientTokenKind = {
  readonly types?: VerifyOptions['types']
  /** The metadata with the algorithms of these tokens; the default is that of ID tokens. */
  readonly listedIn?: AlgorithmList | undefined
}

/**
 * Verifies an ID token, a logout token, which is signed alike (Back-Channel Logout 1.0 §2.6), or another token for the
 * client.
 */
export async function verifyClientToken(
  client: Client,
  token: string,
  options: ClientTokenOptions & ClientTokenKind & { readonly now: Seconds },
): Promise<Result<VerifiedJwt>> {
  const { clockTolerance = client.clockTolerance, client_secret, now, types } = options
  const algorithms = await acceptedAlgorithms(client, options)
  if (!algorithms.ok) return algorithms
  const keys = keysOf(client, client_secret)
  return verifyJwt(token, keys, { algorithms: algorithms.value, now, clockTolerance, types })
}

async function acceptedAlgorithms(
  { issuer }: Client,
  {
    algorithms,
    client_secret,
    listedIn = 'id_token_signing_alg_values_supported',
  }: ClientTokenOptions & ClientTokenKind,
): Promise<Result<readonly string[]>> {
  if (algorithms) return ok(algorithms)
  const supported = await supportedAlgorithms(issuer, listedIn)
  if (!supported.ok || client_secret === undefined) return supported
  return ok([...supported.value, ...secretAlgorithms])
}

/** Returns the secret for HMAC, and the server's keys for everything else, so that a key is never used as a secret. */
function keysOf({ issuer }: Client, secret: string | undefined): KeySource {
  const keys = issuerKeys(issuer)
  if (secret === undefined) return keys
  const ofSecret = secretKey(secret)
  const sourceOf = (alg: string): KeySource => (alg.startsWith('HS') ? ofSecret : keys)
  return {
    find: header => sourceOf(header.alg).find(header),
    refresh: async (header, tried) => (await sourceOf(header.alg).refresh?.(header, tried)) ?? ok([]),
  }
}
