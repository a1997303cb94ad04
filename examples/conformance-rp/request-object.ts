/** Request objects by reference, and without a signature: the library itself sends them by value, and signed. */

import { type Client, signedRequests } from '@tessera/client'
import type { Settings } from './settings.ts'

export type RequestObjects = Awaited<ReturnType<typeof createRequestObjects>>

export async function createRequestObjects({
  requestObject,
  requestObjectAlg,
  privateJwk,
  baseUrl,
}: Settings) {
  const key = privateJwk ? JSON.parse(privateJwk) : await createKey()
  const { kty, n, e, kid } = key
  let latest = ''
  const signs = requestObject !== 'none' && requestObjectAlg !== 'none'
  return {
    key,
    jwks: { keys: [{ kty, n, e, kid, alg: 'RS256', use: 'sig' }] },
    /** The option of an authorization request. */
    signing: signs ? signedRequests(key) : undefined,
    /** Returns the URL with its parameters as the settings want them. */
    async refer(client: Client, url: string): Promise<string> {
      if (requestObject === 'none') return url
      const target = new URL(url)
      const plain = Object.fromEntries(target.searchParams)
      const object = plain.request ?? unsigned(client, plain)
      latest = object
      // OpenID Connect Core 1.0 §6.1: these are required outside of the object as well.
      const outside = {
        client_id: plain.client_id ?? '',
        response_type: plain.response_type ?? '',
        scope: plain.scope ?? '',
      }
      const inside: Readonly<Record<string, string>> =
        requestObject === 'value'
          ? { request: object }
          : { request_uri: `${baseUrl}/request-object#${await hash(object)}` }
      target.search = new URLSearchParams({ ...outside, ...inside }).toString()
      return target.href
    },
    serve: (): Response =>
      new Response(latest, { headers: { 'content-type': 'application/oauth-authz-req+jwt' } }),
  }
}

function unsigned({ client_id, issuer }: Client, parameters: object): string {
  const iat = Math.floor(issuer.now())
  const claims = { ...parameters, iss: client_id, aud: issuer.url, iat, exp: iat + 300 }
  return `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(claims))}.`
}

/** OpenID Connect Core 1.0 §6.2: the fragment changes with the object, so that no cache returns an older one. */
const hash = async (text: string): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toString('base64url')

async function createKey() {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: 'SHA-256',
  }
  const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  return { ...(await crypto.subtle.exportKey('jwk', privateKey)), kid: crypto.randomUUID() }
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url')
