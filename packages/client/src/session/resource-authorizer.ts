/** Authorizes a client for an API that names its server itself (RFC 9728), and for more scope (RFC 6750 §3.1). */

import type { Seconds } from '@tessera/protocol/brand'
import { isScopeToken } from '@tessera/protocol/scope'
import type { Client } from '../create-client.ts'
import { createIssuer, type Issuer } from '../discovery/issuer.ts'
import type { DiscoveryPolicy } from '../discovery/metadata.ts'
import { type DiscoveredResource, discoverResource } from '../discovery/protected-resource.ts'
import { ClientError } from '../error.ts'
import { type Result, unwrap } from '../result.ts'
import { setRecent } from '../set-recent.ts'
import { createAuthorizedFetch } from './authorized-fetch.ts'
import type { ApiChallenge } from './challenge.ts'
import { createLock } from './lock.ts'
import type { ApiFetch } from './repeatable.ts'
import { type RequiredAccess, requirementKey } from './required-access.ts'
import type { AccessToken, TokenSource } from './token-source.ts'

/** The tokens that the application is asked to get. */
export type ResourceAuthorization = {
  readonly client: Client
  /** The API as its metadata name it: the `resource` of authorization and token requests (RFC 8707 §2). */
  readonly resource: string
  /**
   * Space-separated names: those that were requested before, and those that the API requires now. Undefined if the API
   * names none: then leave the parameter out, so that the server chooses.
   */
  readonly scope: string | undefined
  /** RFC 9470 §3. */
  readonly acr_values: string | undefined
  readonly max_age: Seconds | undefined
  readonly metadata: DiscoveredResource
  readonly challenge: ApiChallenge | undefined
}

export type ResourceAuthorizerOptions = {
  /**
   * Returns the client to use at a server, for example by `createClientProvider`. It is called for each authorization, so keep
   * the registrations, by the `url` of the issuer: a client of one server is unknown to others. `unknown` is the client of the
   * tokens before if the server answered `invalid_client`: it may have deleted the registration, so register again.
   */
  readonly client: (issuer: Issuer, unknown?: Client) => Client | Promise<Client>
  /**
   * Gets tokens, for example by a sign-in of the user, and returns their source, such as a session. If it returns undefined,
   * the refusal of the API is returned to the caller. One authorization runs at a time.
   */
  readonly authorize: (request: ResourceAuthorization) => Promise<TokenSource | undefined>
  /** A source from before, such as a stored session. */
  readonly source?: TokenSource | undefined
  /** The space-separated scopes that were requested for `source`. */
  readonly scope?: string | undefined
  /** The servers that may issue tokens; by default any that the API names. */
  readonly issuers?: readonly string[] | undefined
  /** The server to use if the API publishes no metadata; by default such an API can't be used. */
  readonly fallbackIssuer?: string | undefined
  /** The scopes that may be requested; by default any that the API names. */
  readonly allowedScopes?: readonly string[] | undefined
  /** Whether `offline_access` is requested too if the server supports it; the default is false. */
  readonly offlineAccess?: boolean | undefined
  /**
   * Whether a server with an authorization endpoint must list `S256` in its metadata; the default is true, as the MCP
   * authorization specification requires.
   */
  readonly requirePkce?: boolean | undefined
  /** How often the application is asked in vain for the same requirement of the API; the default is 2. */
  readonly maxAttempts?: number | undefined
  /** For requests for metadata, and as the `fetch` of the API; the default is the global one, looked up at each request. */
  readonly fetch?: ApiFetch | undefined
  readonly policy?: DiscoveryPolicy | undefined
  /** Returns the current time; the default is the system's clock. */
  readonly now?: (() => Seconds) | undefined
}

/** Tokens that were obtained, and a `fetch` with them. */
export type Authorized = { readonly source: TokenSource; readonly call: ApiFetch }

export type ResourceAuthorizer = {
  readonly current: () => Authorized | undefined
  /** Removes tokens that can't be renewed, unless others have replaced them. */
  readonly forget: (used: Authorized) => void
  /**
   * Gets tokens that meet a requirement. Returns those that another request has got since `used`. Returns undefined if the
   * application declines, or if more attempts would be in vain. Throws ClientError if the server can't be found or used.
   */
  readonly authorize: (
    required: RequiredAccess,
    used: Authorized | undefined,
  ) => Promise<Authorized | undefined>
  /** Resets the attempts for a requirement that is met now. */
  readonly met: (required: RequiredAccess) => void
}

/** Requirements whose attempts are remembered. */
const mostAttempts = 1000
/** Servers whose metadata are kept. An API may name another one in each response. */
const mostIssuers = 20

export function createResourceAuthorizer(
  resource: string,
  origin: string,
  options: ResourceAuthorizerOptions,
): ResourceAuthorizer {
  const { policy = {}, maxAttempts = 2, now } = options
  const lock = createLock()
  const issuers = new Map<string, Issuer>()
  const attempts = new Map<string, number>()
  const requested = new Set(namesIn(options.scope))
  // Looked up at each request.
  const send: ApiFetch = (input, init) => (options.fetch ?? fetch)(input, init)

  /** The client of tokens that could not be renewed because the server does not know it. */
  let unknown: Client | undefined

  function open(source: TokenSource): Authorized {
    const { client } = source
    const watch = async (renewing: Promise<Result<AccessToken>>): Promise<Result<AccessToken>> => {
      const renewed = await renewing
      if (!renewed.ok && isUnknownClient(renewed.error)) unknown = client
      return renewed
    }
    const watched: TokenSource = {
      client,
      accessToken: call => watch(source.accessToken(call)),
      renew: (refused, call) => watch(source.renew(refused, call)),
    }
    const settings = { origins: [origin], httpHosts: policy.httpHosts, fetch: send }
    return { source, call: createAuthorizedFetch(watched, settings) }
  }
  let current = options.source && open(options.source)
  /** The server stays the same while the API names it, also after its tokens were given up. */
  let lastIssuer = options.source?.client.issuer

  /** Returns the names to request; undefined if they would not meet the requirement. */
  function scopeFor(
    { challenge, kind }: RequiredAccess,
    metadata: DiscoveredResource,
  ): readonly string[] | undefined {
    const { allowedScopes } = options
    const isAllowed = (name: string): boolean => allowedScopes?.includes(name) ?? true
    const named = namesIn(challenge?.scope)
    if (!named.every(isAllowed)) return undefined
    const supported = kind === 'authentication' ? [] : (metadata.scopes_supported ?? [])
    const wanted = named.length > 0 ? named : supported.filter(name => isScopeToken(name) && isAllowed(name))
    const all = [...new Set([...requested, ...wanted])]
    return kind === 'scope' && named.length === 0 && all.length === requested.size ? undefined : all
  }

  async function discover(metadataUrl: string | undefined): Promise<DiscoveredResource> {
    const found = await discoverResource(resource, { policy, fetch: send, metadataUrl })
    const { fallbackIssuer } = options
    return !found.ok && found.error.code === 'resource_metadata_not_found' && fallbackIssuer !== undefined
      ? { resource, authorization_servers: [fallbackIssuer] }
      : unwrap(found)
  }

  function issuerOf({ authorization_servers: servers }: DiscoveredResource): Issuer {
    const trusted = servers.filter(url => options.issuers?.includes(url) ?? true)
    if (lastIssuer && trusted.includes(lastIssuer.url)) return lastIssuer
    const [url] = trusted
    if (url === undefined)
      throw new ClientError(
        'policy',
        'authorization_server_not_allowed',
        `${resource} names none of the servers in issuers: ${JSON.stringify(servers)}`,
      )
    const issuer =
      issuers.get(url) ??
      createIssuer(url, { policy, now, fetch: send, wellKnown: 'oauth-authorization-server' })
    setRecent(issuers, url, issuer, mostIssuers)
    return issuer
  }

  const isExhausted = (required: RequiredAccess): boolean =>
    (attempts.get(requirementKey(required)) ?? 0) >= maxAttempts

  function countAttempt(required: RequiredAccess): void {
    const key = requirementKey(required)
    setRecent(attempts, key, (attempts.get(key) ?? 0) + 1, mostAttempts)
  }

  /** Asks the application. A user who does not sign in may be asked again, but not one who refuses more scope. */
  async function ask(
    required: RequiredAccess,
    request: ResourceAuthorization,
  ): Promise<TokenSource | undefined> {
    let source: TokenSource | undefined
    try {
      source = await options.authorize(request)
      return source
    } finally {
      if (!source && required.kind === 'token') attempts.delete(requirementKey(required))
    }
  }

  async function obtain(required: RequiredAccess): Promise<Authorized | undefined> {
    const { challenge } = required
    if (isExhausted(required)) return undefined
    const metadata = await discover(challenge?.resource_metadata)
    const names = scopeFor(required, metadata)
    if (!names) return undefined
    const issuer = issuerOf(metadata)
    const server = unwrap(await issuer.metadata())
    const hasPkce = server.code_challenge_methods_supported?.includes('S256') ?? false
    if (server.authorization_endpoint !== undefined && !hasPkce && (options.requirePkce ?? true))
      throw new ClientError(
        'unsupported',
        'pkce_unsupported',
        `${issuer.url} does not support PKCE with S256`,
      )
    const isOffline = options.offlineAccess && server.scopes_supported?.includes('offline_access')
    // Without other names, the server chooses the scope, which offline_access alone would replace.
    const scope = isOffline && names.length > 0 ? [...new Set([...names, 'offline_access'])] : names
    const client = await options.client(issuer, unknown?.issuer.url === issuer.url ? unknown : undefined)
    countAttempt(required)
    const source = await ask(required, {
      client,
      resource: metadata.resource,
      scope: scope.length > 0 ? scope.join(' ') : undefined,
      acr_values: challenge?.acr_values,
      max_age: challenge?.max_age,
      metadata,
      challenge,
    })
    if (!source) return undefined
    for (const name of names) requested.add(name)
    unknown = undefined
    lastIssuer = source.client.issuer
    current = open(source)
    return current
  }

  return {
    current: () => current,
    forget(used) {
      if (current === used) current = undefined
    },
    authorize: (required, used) =>
      lock('authorize', async () => (current && current !== used ? current : obtain(required))),
    met: required => void attempts.delete(requirementKey(required)),
  }
}

/** RFC 6749 §5.2. */
export const isUnknownClient = ({ code }: ClientError): boolean => code === 'invalid_client'

const namesIn = (scope = ''): readonly string[] => scope.split(' ').filter(name => isScopeToken(name))
