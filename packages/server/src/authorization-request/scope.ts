/** Scopes that a user is asked to grant: at authorize and at device authorization (RFC 6749 §3.3, OpenID Connect Core 1.0 §5.4, §11). */

import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { parseScope } from '@tessera/protocol/scope'
import type { Client } from '../core/client.ts'
import { identityClaims, type Resources, scopeKind, untagged } from '../core/resource.ts'

/**
 * Refuses `invalid_scope` for a scope that is missing, malformed, not registered or not allowed to the client,
 * for identity scopes without `openid`, and for `offline_access` without the `refresh_token` grant.
 */
export function validateScope(
  client: Client,
  resources: Resources,
  text: string | undefined,
): Result<readonly string[]> {
  if (text === undefined) return invalid('scope_missing', 'Missing scope')
  const scope = parseScope(text)
  if (!scope) return invalid('scope_malformed', 'Invalid scope')
  for (const name of scope) {
    const kind = scopeKind(resources, name)
    if (!kind) return invalid('scope_unknown', 'Invalid scope', name)
    if (!client.scope.has(name)) return invalid('scope_not_allowed', 'Invalid scope', name)
    if (kind === 'offline_access' && !client.grant_types.has('refresh_token')) {
      return invalid('scope_offline_access_without_refresh', 'Invalid scope', name)
    }
  }
  if (!scope.includes('openid') && scope.some(name => scopeKind(resources, name) === 'identity')) {
    return invalid('scope_openid_missing', 'Identity scopes requested, but openid scope is missing')
  }
  return ok(scope)
}

/** The scopes to agree to: those that are granted, and of those that the client may ask for the ones that hold a claim that none of them holds. */
export function claimScopes(
  client: Client,
  resources: Resources,
  scope: readonly string[],
  claims: readonly string[],
): readonly string[] {
  const told = identityClaims(resources, scope)
  const more = claims.map(untagged).filter(name => !told.includes(name))
  const holding = [...resources.identity.values()].filter(
    resource => client.scope.has(resource.name) && resource.claims.some(name => more.includes(name)),
  )
  return [...new Set([...scope, ...holding.map(({ name }) => name)])].sort()
}

/**
 * What a device is given when it names no scope: everything that its client may ask for, `offline_access` with the
 * `refresh_token` grant only, identity scopes with `openid` only. Refuses `invalid_scope` when nothing is left.
 */
export function allowedScope(client: Client, resources: Resources): Result<readonly string[]> {
  const usable = {
    identity: client.scope.has('openid'),
    api: true,
    offline_access: client.grant_types.has('refresh_token'),
  }
  const scope = [...client.scope].filter(name => {
    const kind = scopeKind(resources, name)
    return kind !== undefined && usable[kind]
  })
  return scope.some(name => name !== 'offline_access')
    ? ok(scope.sort())
    : invalid('scope_empty', 'No scope is allowed to this client')
}

const invalid = (reason: string, description: string, scope?: string): Refusal =>
  refuse('invalid_scope', reason, { description, ...(scope !== undefined && { log: { scope } }) })
