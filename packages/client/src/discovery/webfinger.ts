/** Finds the issuer of a user by WebFinger (OpenID Connect Discovery 1.0 §2, RFC 7033). */

import { ClientError } from '../error.ts'
import { jsonObject } from '../http/response.ts'
import { createTransport, type TransportOptions } from '../http/transport.ts'
import { fail, ok, type Result } from '../result.ts'
import { type DiscoveryPolicy, isAllowedUrl, isDowngrade } from './metadata.ts'

export type FindIssuerOptions = TransportOptions & {
  readonly policy?: DiscoveryPolicy | undefined
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined
}

const relation = 'http://openid.net/specs/connect/1.0/issuer'

/**
 * Returns the user's issuer identifier, for `createIssuer` or `createClient`. The host in the user's identifier decides
 * which server it is, so configure the issuer instead if there is only one. Redirects are not followed.
 *
 * Fails with `invalid` if the identifier or the response is malformed, or the response names no issuer; with `policy`
 * if the policy does not allow a URL.
 * @param identifier as the user entered it: an email address, a host, or a URL (§2.1).
 */
export async function findIssuer(
  identifier: string,
  { policy = {}, signal, ...transport }: FindIssuerOptions = {},
): Promise<Result<string>> {
  const resource = normalizeIdentifier(identifier)
  const origin = resource === undefined ? undefined : originOf(resource)
  if (resource === undefined || origin === undefined)
    return refused(
      'invalid',
      'identifier_invalid',
      'the identifier must be an email address, a host or an https URL',
    )
  if (!isAllowedUrl(origin, policy))
    return refused('policy', 'webfinger_not_allowed', `${origin} must be an https URL`)
  const query = new URLSearchParams({ resource, rel: relation })
  const received = await createTransport(transport)({
    operation: 'webfinger',
    method: 'GET',
    url: `${origin}/.well-known/webfinger?${query}`,
    headers: { accept: 'application/jrd+json, application/json' },
    signal,
  })
  if (!received.ok) return received
  const { value: response } = received
  const issuer = response.status === 200 ? issuerLink(jsonObject(response)?.links) : undefined
  if (issuer === undefined)
    return fail(
      new ClientError(
        'invalid',
        'issuer_not_found',
        `WebFinger at ${origin} names no issuer (status ${response.status})`,
        { response },
      ),
    )
  if (!isAllowedUrl(issuer, policy) || isDowngrade(issuer, origin) || /[?#]/.test(issuer))
    return refused(
      'policy',
      'issuer_not_allowed',
      `the issuer must be an https URL without query and fragment: ${JSON.stringify(issuer)}`,
    )
  return ok(issuer)
}

/** Adds the scheme that the user left out and removes the fragment (§2.1.2). Returns undefined for XRIs, which are obsolete. */
function normalizeIdentifier(identifier: string): string | undefined {
  const text = identifier.trim()
  if (text === '' || /^(?:xri:\/\/|[=@+$!(])/i.test(text)) return undefined
  if (/^(?:https?:\/\/|acct:)/i.test(text)) return text.replace(/#.*$/s, '')
  // Other schemes have no host to ask. A host with a port is not a scheme.
  if (/^[a-z][a-z0-9+.-]*:(?!\d)/i.test(text)) return undefined
  if (/^[^/?#]+@[^/?#:@]+$/.test(text)) return `acct:${text}`
  const url = `https://${text}`.replace(/#.*$/s, '')
  return URL.canParse(url) ? new URL(url).href : undefined
}

/** Returns the origin that WebFinger is asked at (§2.1.3). */
function originOf(resource: string): string | undefined {
  const account = /^acct:[^@]+@(.+)$/is.exec(resource)
  // Everything after the last `@` of an account is its host, which can have a port.
  const url = account ? `https://${account[1]?.split('@').at(-1)}` : resource
  if (!/^https?:/i.test(url) || !URL.canParse(url)) return undefined
  const { origin, pathname, search } = new URL(url)
  return account && (pathname !== '/' || search !== '') ? undefined : origin
}

function issuerLink(links: unknown): string | undefined {
  if (!Array.isArray(links)) return undefined
  const link = links.find(one => typeof one === 'object' && one !== null && one.rel === relation)
  return typeof link?.href === 'string' ? link.href : undefined
}

const refused = (kind: 'invalid' | 'policy', code: string, message: string): Result<never> =>
  fail(new ClientError(kind, code, message))
