/**
 * Validates scopes for all endpoints (RFC 6749 §3.3, OpenID Connect Core 1.0 §5.4, §11). All endpoints have the same
 * defaults.
 */

import type { Ignored } from '@tessera/protocol/parameters'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { parseScope } from '@tessera/protocol/scope'
import { claimNames } from '../model/claim-rule.ts'
import type { Client } from '../model/client.ts'
import { shownList, shownValue } from '../model/masked.ts'
import {
  type ApiResource,
  identityClaims,
  includesClaim,
  type Resources,
  type ScopeKind,
  scopeKind,
} from '../model/resource.ts'

type ScopeRules = {
  readonly client: Client
  readonly resources: Resources
  /** Scopes of other kinds are refused. */
  readonly kinds: ReadonlySet<ScopeKind>
  /** Whether `offline_access` is ignored if no refresh token can be issued (§11); otherwise it is refused. */
  readonly ignoresOfflineAccess?: boolean
  /** Whether a code is issued, which a refresh token requires. Default: true. */
  readonly issuesCode?: boolean
  /** Whether unknown scopes are ignored (OpenID Connect Core 1.0 §3.1.2.1); otherwise they are refused. */
  readonly ignoresUnknown?: boolean
  /** Names of the APIs that the request is for. They determine the default scope; empty or omitted means all. */
  readonly apis?: readonly string[]
}

type GrantableScope = {
  /** Sorted and unique. Every scope exists and is allowed for the client. */
  readonly scope: readonly string[]
  readonly ignored: readonly Ignored[]
}

/** Scopes that a user can grant. The scopes of the admin API are only for clients themselves. */
export const userScopeKinds: ReadonlySet<ScopeKind> = new Set(['identity', 'api', 'offline_access'])

/**
 * Validates the scope of a request; by default everything that the client may use, or of that the
 * `default_scopes` of the requested APIs. Refuses `invalid_scope` for scopes
 * that are malformed, unknown, not allowed or of another kind, for identity scopes without `openid`, and if nothing is
 * left.
 * @param text the `scope` parameter.
 */
export function validateScope(text: string | undefined, rules: ScopeRules): Result<GrantableScope> {
  if (text === undefined) return defaultScope(rules)
  const names = parseScope(text)
  return names ? validateScopes(names, rules) : malformed
}

/**
 * Returns the names of a scope parameter, sorted, or undefined if it was omitted. Does not check whether the client may
 * have them. Refuses `invalid_scope` if the parameter is malformed.
 */
export function parseRequestedScope(text: string | undefined): Result<readonly string[] | undefined> {
  if (text === undefined) return ok(undefined)
  const names = parseScope(text)
  return names ? ok(names) : malformed
}

/** Like {@link validateScope}, for scope names that are already split and sorted. */
export function validateScopes(names: readonly string[], rules: ScopeRules): Result<GrantableScope> {
  const { resources } = rules
  const ignored: Ignored[] = []
  const scope: string[] = []
  for (const name of names) {
    const reason = ignoredFor(name, rules)
    if (reason !== undefined) ignored.push({ parameter: 'scope', reason, scope: name })
    else {
      const refusal = problemOf(name, rules)
      if (refusal) return refusal
      scope.push(name)
    }
  }
  if (scope.length === 0) return nothingLeft
  const isIdentity = (name: string) => scopeKind(resources, name) === 'identity'
  if (!scope.includes('openid') && scope.some(isIdentity))
    return refuse('invalid_scope', 'scope_openid_missing', {
      description: 'Identity scopes requested, but openid scope is missing',
    })
  return ok({ scope, ignored })
}

function defaultScope(rules: ScopeRules): Result<GrantableScope> {
  const { client, resources, kinds, apis = [] } = rules
  const requested = apis.flatMap(name => resources.apis.get(name) ?? [])
  const usable = {
    identity: client.scope.has('openid'),
    api: true,
    // Power over the server must be requested by name.
    admin: false,
    offline_access: mayRefresh(rules),
  }
  const scope = [...client.scope]
    .filter(name => {
      const kind = scopeKind(resources, name)
      if (kind === undefined || !kinds.has(kind) || !usable[kind]) return false
      return apis.length === 0 || requested.some(api => isDefaultFor(api, name, kind))
    })
    .sort()
  return scope.some(name => name !== 'offline_access') ? ok({ scope, ignored: [] }) : nothingLeft
}

/** Returns whether an API that the request is for contributes the scope to the default. */
const isDefaultFor = ({ scopes, default_scopes }: ApiResource, name: string, kind: ScopeKind): boolean =>
  default_scopes ? default_scopes.includes(name) : kind !== 'api' || scopes.includes(name)

const mayRefresh = ({ client, issuesCode = true }: ScopeRules): boolean =>
  issuesCode && client.grant_types.has('refresh_token')

function ignoredFor(name: string, rules: ScopeRules): string | undefined {
  const { resources, ignoresUnknown = false, ignoresOfflineAccess = false, issuesCode = true } = rules
  const kind = scopeKind(resources, name)
  if (kind === undefined) return ignoresUnknown ? 'scope_unknown' : undefined
  if (kind !== 'offline_access' || !ignoresOfflineAccess || mayRefresh(rules)) return undefined
  return issuesCode ? 'scope_offline_access_without_refresh' : 'scope_offline_access_without_code'
}

function problemOf(name: string, rules: ScopeRules): Refusal | undefined {
  const { client, resources, kinds } = rules
  const kind = scopeKind(resources, name)
  if (kind === undefined) return { ...unknown, log: { scope: name, received: shownValue(name) } }
  if (!client.scope.has(name)) {
    const refusal = invalid('scope_not_allowed', name, 'is not allowed for this client')
    return { ...refusal, log: { scope: name, expected: shownList(client.scope), received: name } }
  }
  if (!kinds.has(kind)) return invalid('scope_of_wrong_kind', name, 'can not be granted here')
  return kind === 'offline_access' && !mayRefresh(rules)
    ? invalid('scope_offline_access_without_refresh', name, 'needs the grant type refresh_token')
    : undefined
}

/**
 * Returns the scopes to agree to: the granted ones, and those of the client that contain the other requested claims.
 */
export function claimScopes(
  client: Client,
  resources: Resources,
  scope: readonly string[],
  claims: readonly string[],
): readonly string[] {
  const told = identityClaims(resources, scope)
  const more = claims.filter(name => !includesClaim(told, name))
  const holding = [...resources.identity.values()].filter(
    resource =>
      client.scope.has(resource.name) && more.some(name => includesClaim(claimNames(resource.claims), name)),
  )
  return [...new Set([...scope, ...holding.map(({ name }) => name)])].sort()
}

/** It is safe to name the scope, because discovery lists it. */
const invalid = (reason: string, scope: string, problem: string): Refusal =>
  refuse('invalid_scope', reason, { description: `The scope ${scope} ${problem}`, log: { scope } })

/** Doesn't echo unknown scopes, which strangers may have put into a link. */
const unknown = refuse('invalid_scope', 'scope_unknown', {
  description: 'scope contains an unknown scope',
})

const malformed = refuse('invalid_scope', 'scope_malformed', {
  description: 'scope contains invalid characters',
})

/** The request, or everything that its client may use, leaves no scope. */
export const nothingLeft = refuse('invalid_scope', 'scope_empty', {
  description: 'No scope is left to grant',
})
