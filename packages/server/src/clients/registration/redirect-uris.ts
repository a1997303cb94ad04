/** Keeps the addresses of a client that it may be answered at, and leaves out the others (RFC 7591 §3.2.1, RFC 8252 §7). */

import { redirectUriProblem } from '@tessera/protocol/redirect-uri'
import type { Json, JsonObject } from '@tessera/protocol/result'
import {
  hasPrivateUseScheme,
  isRegisteredScheme,
  isReversedDomain,
  isUnsafeScheme,
  schemeOf,
} from '@tessera/protocol/uri-scheme'
import { applicationTypeFault } from '../../model/redirect.ts'
import type { MetadataFault, Registration } from '../../model/registration.ts'

type Policy = Pick<Registration, 'privateUseSchemes'>
type UriProblem = Omit<MetadataFault, 'path'>

export type KeptUris = {
  /** With `application_type`, which depends on the addresses where the client names none that exists. */
  readonly metadata: JsonObject
  /** The places that were left out, for the log: `redirect_uris[1]`. */
  readonly left: readonly string[]
  /** What is wrong with the redirection URIs that were left out. */
  readonly problems: readonly MetadataFault[]
  /** Whether there were redirection URIs and none is left. */
  readonly isEmptied: boolean
}

/** Entries of another JSON type are for the schema to refuse. */
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
      applicationTypeFault(uri, application_type, implicit),
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
 * OpenID Connect Dynamic Client Registration 1.0 §2 has "web" for clients that say nothing. Editors and command lines say
 * nothing either, and a public client with a scheme of its own is no web application.
 */
const typeOf = (uris: readonly Json[] | undefined, isPublic: boolean): 'native' | 'web' =>
  isPublic && uris?.some(uri => typeof uri === 'string' && hasPrivateUseScheme(uri)) ? 'native' : 'web'

/** Some editors call themselves "web", and all that they name are schemes of their own: as such they could not be used. */
const isMistaken = (
  said: 'native' | 'web' | undefined,
  uris: readonly Json[] | undefined,
  { isPublic, implicit }: { readonly isPublic: boolean; readonly implicit: boolean },
): boolean =>
  said === 'web' &&
  isPublic &&
  uris !== undefined &&
  uris.length > 0 &&
  uris.every(uri => typeof uri === 'string' && applicationTypeFault(uri, 'web', implicit) !== undefined) &&
  typeOf(uris, isPublic) === 'native'

function filter(
  metadata: JsonObject,
  member: 'redirect_uris' | 'post_logout_redirect_uris',
  problemOf: (uri: string) => UriProblem | undefined,
): { readonly list?: readonly Json[]; readonly problems: readonly MetadataFault[] } {
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
    return { problem, expected: 'an https URI, http on a loopback host, or the scheme of an application' }
  }
  return hasPrivateUseScheme(uri) ? schemeProblem(schemeOf(uri), policy, client) : undefined
}

function schemeProblem(
  scheme: string,
  { privateUseSchemes }: Policy,
  { isPublic, implicit }: { readonly isPublic: boolean; readonly implicit: boolean },
): UriProblem | undefined {
  // RFC 8252 §8.2: no PKCE protects a token on its way to whatever application claimed the scheme.
  if (implicit) {
    return {
      problem: 'it is the scheme of an application, and the client has the implicit grant',
      expected: 'the authorization_code grant with PKCE',
    }
  }
  // RFC 8252 §8.4: an installation that registered by itself may have a secret of its own.
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

/** Registered with IANA by the applications that have them. */
const usual: ReadonlySet<string> = new Set(['vscode', 'vscode-insiders'])
