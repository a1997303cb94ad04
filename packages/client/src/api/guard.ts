/** The guard of an API: checks the access token of each request, and what a route requires of it. */

import { isJsonObject } from '@tessera/protocol/json'
import { isScopeToken } from '@tessera/protocol/scope'
import { createIssuer, type Issuer } from '../discovery/issuer.ts'
import { isAllowedUrl } from '../discovery/metadata.ts'
import type { ProtectedResourceMetadata } from '../discovery/protected-resource.ts'
import type { ClientError } from '../error.ts'
import { type Access, type AccessSource, createAccess } from './access.ts'
import { checkConfirmation, type TokenScheme } from './confirmation.ts'
import { createScopeExpansion, type ImpliedScopes } from './implied-scopes.ts'
import { type BearerMethod, presentedToken } from './presented-token.ts'
import { type PublishedMetadata, publishMetadata } from './protected-resource.ts'
import { type Refusal, type RefusalReason, refuse } from './refusal.ts'
import { type ChallengeOptions, refusedResponse } from './refused-response.ts'
import type { ApiRequest, ApiResponse } from './request.ts'
import {
  challengedScope,
  type Requirements,
  scopeNames,
  unmetRequirement,
  validRequirements,
} from './requirements.ts'
import { createTokenCheck, type TokenCheckOptions } from './token-check.ts'

/** The API by its name in tokens, by its URL, or both. */
type ApiName =
  | {
      /** Values of `aud`, of which a token must have one. */
      readonly audience: string | readonly string[]
      /** The URL of the API. With it, the guard publishes metadata (RFC 9728) and names them in challenges. */
      readonly resource?: string | undefined
    }
  | {
      readonly resource: string
      /** The default is the resource. */
      readonly audience?: string | readonly string[] | undefined
    }

export type ApiGuardOptions = ApiName &
  Omit<TokenCheckOptions, 'audience'> & {
    /** Schemes besides `Bearer`, such as `dpopScheme`. */
    readonly schemes?: readonly TokenScheme[] | undefined
    /** Whether tokens must be bound to a key; by default, bound and unbound tokens are accepted. */
    readonly requireBound?: boolean | undefined
    /**
     * Where tokens are accepted; by default only in the header (RFC 9728 §2). Tokens in a URL end up in logs and
     * histories (RFC 6750 §5.3).
     */
    readonly bearer_methods_supported?: readonly BearerMethod[] | undefined
    /** The longest token that is examined, in characters; the default is 8192. */
    readonly maxTokenLength?: number | undefined
    /**
     * Scopes that imply others, such as `{ 'orders.write': ['orders.read'] }`: a token with the first meets a requirement
     * for the second. `scopes` of the access remains what the token has.
     */
    readonly impliedScopes?: ImpliedScopes | undefined
    readonly realm?: string | undefined
    /** More members of the protected-resource metadata (RFC 9728 §2). */
    readonly metadata?: Partial<ProtectedResourceMetadata> | undefined
    readonly hooks?: ApiHooks | undefined
  }

/**
 * For logs and metrics. If one of these functions throws, the check throws the same error, and the request is not
 * allowed.
 */
export type ApiHooks = {
  /** Called for each decision. */
  readonly decided?: (event: DecisionEvent) => void
}

/** A decision, without the token. */
export type DecisionEvent = {
  readonly reason: 'allowed' | RefusalReason
  readonly method: string
  /** Without its query. */
  readonly url: string
  /** The status of the refusal. */
  readonly status?: number | undefined
  /** The failure that led to the refusal. Its message contains no token. */
  readonly cause?: ClientError | undefined
  /** Undefined if the token was refused before its claims were known. */
  readonly issuer?: string | undefined
  readonly subject?: string | undefined
  readonly client_id?: string | undefined
  readonly source?: AccessSource | undefined
}

export type Allowed = {
  readonly ok: true
  readonly access: Access
  /** Headers that the response needs, such as a new nonce of a scheme. */
  readonly headers: Readonly<Record<string, string>>
}

export type Refused = {
  readonly ok: false
  readonly reason: RefusalReason
  readonly response: ApiResponse
}

export type Decision = Allowed | Refused

/** Decides about a request. Anything that can't be checked is refused. */
export type CheckAccess = (request: ApiRequest) => Promise<Decision>

/** A request in a handler, for `decided`. */
export type HandledRequest = {
  readonly method?: string | undefined
  readonly url?: string | undefined
}

export type ApiGuard = {
  /** Returns the check for a route. Throws a TypeError if a requirement is malformed. */
  readonly requires: (requirements?: Requirements) => CheckAccess
  /**
   * Returns a refusal if the access lacks one of these scopes, otherwise undefined: for a handler that knows the scopes only
   * after it has read the request, such as an MCP server with a scope for each tool. Its response is a 403 whose challenge
   * names all of them (RFC 6750 §3.1). Throws a TypeError if a name is malformed.
   */
  readonly missingScope: (
    access: Access,
    scope: string | readonly string[],
    request: HandledRequest,
  ) => Refused | undefined
  /** Protected-resource metadata, if the API has a `resource`. */
  readonly metadata: PublishedMetadata | undefined
}

/**
 * Creates the guard of an API.
 * @param issuers the servers that the API trusts. The `iss` of a token chooses among them, nothing else.
 * @throws TypeError if an option is malformed.
 */
export function createApiGuard(
  issuers: string | Issuer | readonly (string | Issuer)[],
  options: ApiGuardOptions,
): ApiGuard {
  const trusted = [issuers].flat().map(one => (typeof one === 'string' ? createIssuer(one) : one))
  const [first] = trusted
  if (!first) throw new TypeError('a guard needs at least one issuer')
  const { now } = first
  const { resource, schemes = [], bearer_methods_supported = ['header'], clockTolerance = 30 } = options
  const audience = [options.audience ?? resource ?? []].flat()
  if (audience.length === 0 || audience.includes(''))
    throw new TypeError(
      'a guard needs an audience or a resource, so that it accepts no token for another API',
    )
  if (resource !== undefined && (!isAllowedUrl(resource, first.policy) || resource.includes('#')))
    throw new TypeError(`resource must be an https URL without fragment: ${JSON.stringify(resource)}`)
  for (const { name } of schemes)
    if (!isScopeToken(name) || name.toLowerCase() === 'bearer')
      throw new TypeError(`a scheme can't be named ${JSON.stringify(name)}`)

  const metadata =
    resource === undefined
      ? undefined
      : publishMetadata({
          authorization_servers: trusted.map(({ url }) => url),
          bearer_methods_supported,
          ...Object.assign({}, ...schemes.map(scheme => scheme.metadata)),
          ...options.metadata,
          resource,
        } as ProtectedResourceMetadata)
  const challenges: ChallengeOptions = {
    realm: options.realm,
    audience: audience[0] as string,
    schemes,
    resource_metadata: metadata?.url,
  }
  const withImplied = createScopeExpansion(options.impliedScopes)
  const checkToken = createTokenCheck(trusted, { ...options, audience, clockTolerance })
  const binding = { schemes, requireBound: options.requireBound ?? false }
  const rules = {
    schemes: ['bearer', ...schemes.map(({ name }) => name.toLowerCase())],
    methods: bearer_methods_supported,
    maxTokenLength: options.maxTokenLength ?? 8192,
  }

  function refusedWith(refusal: Refusal, { request, scheme, scope, access }: RefusedRequest): Refused {
    const response = refusedResponse(refusal, scheme, scope, challenges)
    const { reason, cause } = refusal
    const { status } = response
    options.hooks?.decided?.({ reason, ...aboutOf(request), status, cause, ...named(access) })
    return { ok: false, reason, response }
  }

  function requires(requirements: Requirements = {}): CheckAccess {
    const required = validRequirements(requirements)
    const scope = challengedScope(required)

    return async request => {
      const refused = (refusal: Refusal, scheme: string, access?: Access): Refused =>
        refusedWith(refusal, { request, scheme, scope, access })

      const presented = presentedToken(request, rules)
      if (!presented.ok) return refused(presented, 'bearer')
      const { token, scheme } = presented.value
      const checked = await checkToken(token)
      if (!checked.ok) return refused(checked, scheme)
      const access = createAccess(token, checked.value)
      const proof = schemes.find(({ name }) => name.toLowerCase() === scheme)
      const confirmed = await checkConfirmation(request, token, access.claims, proof, binding)
      if (!confirmed.ok) return refused(confirmed, scheme, access)
      const meeting = { access, scopes: withImplied(access.scopes), request, now: now(), clockTolerance }
      const unmet = await unmetRequirement(required, meeting)
      if (unmet) return refused(unmet, scheme, access)
      options.hooks?.decided?.({ reason: 'allowed', ...aboutOf(request), ...named(access) })
      // RFC 6750 §2.3: the URL contains the token, so no shared cache may store the response.
      const caching = presented.value.method === 'query' && { 'cache-control': 'private' }
      return { ok: true, access, headers: { ...confirmed.headers, ...caching } }
    }
  }

  return {
    requires,
    missingScope(access, scope, request) {
      const needed = scopeNames(scope)
      const granted = withImplied(access.scopes)
      if (needed.every(name => granted.has(name))) return undefined
      const { cnf } = access.claims
      const proof = schemes.find(({ confirmation }) => isJsonObject(cnf) && confirmation in cnf)
      const scheme = proof?.name.toLowerCase() ?? 'bearer'
      return refusedWith(refuse('scope_insufficient'), { request, scheme, scope: needed.join(' '), access })
    },
    metadata,
  }
}

type RefusedRequest = {
  readonly request: HandledRequest
  /** In lower case. */
  readonly scheme: string
  /** The scope to name in challenges. */
  readonly scope: string | undefined
  readonly access: Access | undefined
}

const aboutOf = ({ method = '', url = '' }: HandledRequest): Pick<DecisionEvent, 'method' | 'url'> => ({
  method,
  url: url.replace(/[?#].*$/s, ''),
})

type Named = Pick<DecisionEvent, 'issuer' | 'subject' | 'client_id' | 'source'>

const named = (access: Access | undefined): Named => ({
  issuer: access?.issuer,
  subject: access?.subject,
  client_id: access?.client_id,
  source: access?.source,
})
