/** A server of signed tokens, with keys that a test changes: only its metadata and its key set. */

import { randomUUID } from 'node:crypto'
import { createClient, createIssuer, type DiscoveryPolicy, type Fetch } from '@tessera/client'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export const url = 'https://tokens.example'
export const client_id = 'app'
export const now = 1_790_000_000

export type KeyPair = { readonly alg: string; readonly jwk: JWK; readonly privateKey: CryptoKey }

/** Creates a key pair. `more` replaces members of the public JWK; undefined removes one. */
export async function createKey(alg: string, more: Readonly<Record<string, unknown>> = {}): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: randomUUID(), alg, use: 'sig', ...more }
  return { alg, jwk: JSON.parse(JSON.stringify(jwk)), privateKey }
}

/** Signs claims with `jose`. `header` replaces members; undefined removes one. */
export const sign = (
  claims: object,
  { alg, jwk, privateKey }: KeyPair,
  header: object = {},
): Promise<string> =>
  new SignJWT(JSON.parse(JSON.stringify(claims)))
    .setProtectedHeader(JSON.parse(JSON.stringify({ alg, kid: jwk.kid, ...header })))
    .sign(privateKey)

/** Starts the server with its key set, which `keys` replaces. A function in its place responds itself. */
export function startTokenServer(
  keys: readonly unknown[] | (() => Promise<Response>),
  metadata: object = {},
  policy: DiscoveryPolicy = {},
) {
  const state = { keys, now, requests: 0 }
  const fetch: Fetch = async target => {
    if (target !== `${url}/jwks`) throw new TypeError(`no server at ${target}`)
    state.requests += 1
    return typeof state.keys === 'function' ? state.keys() : Response.json({ keys: state.keys })
  }
  const issuer = createIssuer(url, {
    metadata: { issuer: url, jwks_uri: `${url}/jwks`, ...metadata },
    fetch,
    now: () => state.now,
    policy,
  })
  return Object.assign(state, { issuer, client: createClient({ issuer, client_id }) })
}
