/** Keeps the allowed redirection URIs of a client and drops others (RFC 7591 §3.2.1, RFC 8252 §7). */

import { loopbackHosts, redirectUriProblem } from '@tessera/protocol/redirect-uri'
import type { Json, JsonObject } from '@tessera/protocol/result'
import {
  hasPrivateUseScheme,
  isRegisteredScheme,
  isReversedDomain,
  isUnsafeScheme,
  schemeOf,
} from '@tessera/protocol/uri-scheme'
import { applicationTypeProblem } from '../../model/redirect.ts'
import type { MetadataProblem, Registration } from '../../model/registration.ts'

type Policy = Pick<Registration, 'privateUseSchemes'>
type UriProblem = Omit<MetadataProblem, 'path'>

type KeptUris = {
  /** Includes `application_type`, which is derived from the URIs if the client sends no valid one. */
  readonly metadata: JsonObject
  /** The dropped places, for the log: `redirect_uris[1]`. */
  readonly left: readonly string[]
  /** The problems of the dropped redirection URIs. */
  readonly problems: readonly MetadataProblem[]
  /** Whether there were redirection URIs and all of them were dropped. */
  readonly isEmptied: boolean
}

/** Drops URIs that are not allowed. Leaves entries of another JSON type to the schema. */
export function keepAllowedUris(metadata: JsonObject, policy: Policy): KeptUris {
  const implicit = Array.isArray(metadata.grant_types) && metadata.grant_types.includes('implicit')
  const isPublic = metadata.token_endpoint_auth_method === 'none'
  const allowed = filter(metadata, 'redirect_uris', uri => uriProblem(uri, policy, { isPublic, implicit }))
  const said = types.find(type => type === metadata.application_type)
  const application_type = isMistaken(said, allowed.list, { isPublic, implicit })
    ? 'native'
    : (said ?? typeOf(allowed.list, isPublic))
  const fitting = filter(
    metadata,
    'redirect_uris',
    uri =>
      uriProblem(uri, policy, { isPublic, implicit }) ??
      applicationTypeProblem(uri, application_type, implicit),
  )
  const logout = filter(metadata, 'post_logout_redirect_uris', uri =>
    uriProblem(uri, policy, { isPublic: true, implicit: false }),
  )
  return {
    metadata: {
      ...metadata,
      application_type,
      ...(fitting.list && { redirect_uris: fitting.list }),
      ...(logout.list && { post_logout_redirect_uris: logout.list }),
    },
    left: [
      ...([undefined, application_type].includes(metadata.application_type as never)
        ? []
        : ['application_type']),
      ...[...fitting.problems, ...logout.problems].map(({ path }) => path),
    ],
    problems: fitting.problems,
    isEmptied: fitting.problems.length > 0 && fitting.list?.length === 0,
  }
}

const types = ['web', 'native'] as const

/**
 * Returns the default type. OpenID Connect Dynamic Client Registration 1.0 §2 defines "web", but editors and
 * command-line tools omit the member too. A public client with a private-use scheme is not a web application, and neither
 * is one whose responses all stay on the device of the user. With a secret, it can be a web application under development.
 */
function typeOf(uris: readonly Json[] = [], isPublic: boolean): 'native' | 'web' {
  const texts = uris.filter(uri => typeof uri === 'string')
  const isNative = texts.some(hasPrivateUseScheme) || (texts.length > 0 && texts.every(isLoopback))
  return isPublic && isNative ? 'native' : 'web'
}

const isLoopback = (uri: string): boolean => loopbackHosts.has(URL.parse(uri)?.hostname ?? '')

/**
 * Returns whether "web" must be a mistake. Some editors send it together with private-use schemes only, and would be
 * left without a redirection URI.
 */
const isMistaken = (
  said: 'native' | 'web' | undefined,
  uris: readonly Json[] | undefined,
  { isPublic, implicit }: { readonly isPublic: boolean; readonly implicit: boolean },
): boolean =>
  said === 'web' &&
  isPublic &&
  uris !== undefined &&
  uris.length > 0 &&
  uris.every(uri => typeof uri === 'string' && applicationTypeProblem(uri, 'web', implicit) !== undefined) &&
  typeOf(uris, isPublic) === 'native'

function filter(
  metadata: JsonObject,
  member: 'redirect_uris' | 'post_logout_redirect_uris',
  problemOf: (uri: string) => UriProblem | undefined,
): { readonly list?: readonly Json[]; readonly problems: readonly MetadataProblem[] } {
  const list = metadata[member]
  if (!Array.isArray(list)) return { problems: [] }
  const found = list.map((uri: Json) => (typeof uri === 'string' ? problemOf(uri) : undefined))
  return {
    list: list.filter((_, index) => found[index] === undefined),
    problems: found.flatMap((problem, index) =>
      problem ? [{ path: `${member}[${index}]`, ...problem }] : [],
    ),
  }
}

const longest = 2000

function uriProblem(
  uri: string,
  policy: Policy,
  client: { readonly isPublic: boolean; readonly implicit: boolean },
): UriProblem | undefined {
  const problem = uri.length > longest ? `it is longer than ${longest} characters` : redirectUriProblem(uri)
  if (problem !== undefined) {
    return { problem, expected: 'an https URI, http on a loopback host, or a private-use scheme' }
  }
  return hasPrivateUseScheme(uri) ? schemeProblem(schemeOf(uri), policy, client) : undefined
}

function schemeProblem(
  scheme: string,
  { privateUseSchemes }: Policy,
  { isPublic, implicit }: { readonly isPublic: boolean; readonly implicit: boolean },
): UriProblem | undefined {
  // RFC 8252 §8.2: PKCE doesn't protect tokens that are sent directly to the application which claimed the scheme.
  if (implicit) {
    return {
      problem: 'private-use schemes are not allowed with the implicit grant',
      expected: 'the authorization_code grant with PKCE',
    }
  }
  // RFC 8252 §8.4: an instance that registered itself may have its own secret, so it need not be public.
  if (isReversedDomain(scheme)) return undefined
  if (!isAllowed(scheme, privateUseSchemes)) {
    return {
      problem: `the scheme ${scheme}: may not be registered here`,
      expected:
        'a reversed domain name such as com.example.app (RFC 8252 §7.1), http on a loopback host, or https',
    }
  }
  return isPublic
    ? undefined
    : {
        problem: `the scheme ${scheme}: is for public clients`,
        expected: 'token_endpoint_auth_method "none"',
      }
}

const isAllowed = (scheme: string, allowed: Policy['privateUseSchemes']): boolean =>
  allowed === 'any'
    ? usual.has(scheme) || !(isRegisteredScheme(scheme) || isUnsafeScheme(scheme))
    : allowed.has(scheme)

/** Schemes that their applications registered with IANA. */
const usual: ReadonlySet<string> = new Set(['vscode', 'vscode-insiders'])
