/** Access tokens that the server describes (RFC 7662). */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import type { Issuer } from '../discovery/issuer.ts'
import { introspectToken } from '../endpoints/introspection.ts'
import type { ClientError } from '../error.ts'
import { type Ok, ok } from '../result.ts'
import type { AccessClaims, CheckedToken } from './access.ts'
import { createIntrospectionCache, type IntrospectionCacheOptions } from './introspection-cache.ts'
import { type Refusal, refuse } from './refusal.ts'

export type IntrospectionOptions = IntrospectionCacheOptions & {
  /**
   * The client that the API introspects tokens with; one for each issuer. A token that doesn't name its issuer goes to
   * the first one only, because no other server should see it.
   */
  readonly client: Client | readonly Client[]
  /**
   * Whether a response without `aud` is accepted (RFC 7662 §2.2); the default is false. Set it only if the server
   * describes no tokens of other APIs to this client.
   */
  readonly allowMissingAudience?: boolean | undefined
}

type Expectations = { readonly audience: readonly string[]; readonly clockTolerance: Seconds }

/** Introspects a token at an issuer; undefined for a token that names none. */
export type Introspect = (token: string, issuer: Issuer | undefined) => Promise<Ok<CheckedToken> | Refusal>

/**
 * Creates the introspection of all issuers.
 * @param everyIssuer whether each issuer needs a client. Throws a TypeError if one has none.
 */
export function createIntrospection(
  issuers: readonly Issuer[],
  options: IntrospectionOptions,
  expectations: Expectations,
  everyIssuer: boolean,
): Introspect {
  const clients = [options.client].flat()
  const [first] = clients
  if (!first) throw new TypeError('introspection needs a client')
  for (const { issuer } of clients)
    if (!issuers.some(({ url }) => url === issuer.url))
      throw new TypeError(`the guard does not trust the issuer of a client for introspection: ${issuer.url}`)
  const clientOf = (url: string): Client | undefined => clients.find(({ issuer }) => issuer.url === url)
  const missing = issuers.find(({ url }) => !clientOf(url))
  if (everyIssuer && missing) throw new TypeError(`introspection needs a client for ${missing.url}`)
  const caches = new Map(
    clients.map(client => [
      client,
      createIntrospectionCache(token => request(client, token), client.issuer.now, options),
    ]),
  )

  return async (token, issuer) => {
    const client = issuer ? clientOf(issuer.url) : first
    const find = client && caches.get(client)
    if (!find) return refuse('token_unrecognized')
    const found = await find(token)
    if (!found.ok) return unavailable(found.error)
    if (!found.value) return refuse('token_inactive')
    const { url, now } = client.issuer
    const refused = checkDescription(
      found.value,
      url,
      now(),
      options.allowMissingAudience ?? false,
      expectations,
    )
    return refused ?? ok({ issuer: url, claims: found.value, source: 'introspection' })
  }
}

async function request(
  client: Client,
  token: string,
): ReturnType<Parameters<typeof createIntrospectionCache>[0]> {
  const introspected = await introspectToken(client, token)
  if (!introspected.ok) return introspected
  if (!introspected.value.active) return ok(undefined)
  const { active: _, ...claims } = introspected.value.members
  return ok(claims as AccessClaims)
}

/** Checks what a server says of an active token. It may be another kind of token, or one for another API. */
function checkDescription(
  claims: JsonObject,
  issuer: string,
  now: Seconds,
  allowMissingAudience: boolean,
  { audience, clockTolerance }: Expectations,
): Refusal | undefined {
  if (claims.iss !== undefined && claims.iss !== issuer) return refuse('issuer_untrusted')
  if (!isAccessToken(claims)) return refuse('token_type_mismatch')
  const { aud, exp, nbf } = claims
  const isFor = [aud].flat().some(one => audience.includes(one as string))
  if (!isFor && !(aud === undefined && allowMissingAudience)) return refuse('audience_mismatch')
  if (exp !== undefined && !(typeof exp === 'number' && exp > now - clockTolerance))
    return refuse('token_expired')
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + clockTolerance))
    return refuse('token_inactive')
  return undefined
}

/** Values of members that say how a token is used. Some servers put the kind of the token into `token_type`. */
const accessTokenTypes = ['bearer', 'dpop', 'access_token', 'access-token']

const isAccessToken = ({ token_use, token_type }: JsonObject): boolean =>
  [token_use, token_type].every(
    type => type === undefined || (typeof type === 'string' && accessTokenTypes.includes(type.toLowerCase())),
  )

/** Refuses a request because its token could not be checked. */
export const unavailable = (cause: ClientError): Refusal =>
  refuse('issuer_unavailable', { cause, retryAfter: cause.retryAfter })
