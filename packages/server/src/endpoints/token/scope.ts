/** Which scope a token request gets (RFC 6749 §3.3). */

import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { parseScope } from '@tessera/protocol/scope'
import type { Client } from '../../core/client.ts'
import { type Resources, type ScopeKind, scopeKind } from '../../core/resource.ts'

/** The scope parameter split and sorted; undefined when it was omitted. Refuses `invalid_scope` when malformed. */
export function requestedScope(parameter: string | undefined): Result<readonly string[] | undefined> {
  if (parameter === undefined) return ok(undefined)
  const scope = parseScope(parameter)
  return scope ? ok(scope) : refuse('invalid_scope', 'scope_malformed')
}

/**
 * The scope of a direct grant: what was asked for, or, when nothing was, all that the client is allowed of these kinds.
 * Refuses `invalid_scope` for a scope that is unknown, not allowed to the client or of another kind; and when nothing is left.
 */
export function grantScope(
  requested: readonly string[] | undefined,
  client: Client,
  resources: Resources,
  kinds: ReadonlySet<ScopeKind>,
): Result<readonly string[]> {
  if (requested === undefined) {
    const all = [...client.scope]
      .filter(name => scopeFault(name, client, resources, kinds) === undefined)
      .sort()
    return all.length > 0
      ? ok(all)
      : refuse('invalid_scope', 'scope_empty', { description: 'no scope is left to grant' })
  }
  for (const name of requested) {
    const fault = scopeFault(name, client, resources, kinds)
    if (fault) return fault
  }
  // OpenID Connect Core 1.0 §3.1.2.1: claims about the user need `openid`.
  const needsOpenid = requested.some(name => resources.identity.has(name)) && !requested.includes('openid')
  return needsOpenid
    ? refuse('invalid_scope', 'scope_openid_missing', { description: 'identity scopes need openid' })
    : ok(requested)
}

function scopeFault(
  name: string,
  client: Client,
  resources: Resources,
  kinds: ReadonlySet<ScopeKind>,
): Refusal | undefined {
  const kind = scopeKind(resources, name)
  if (kind === undefined) return refuse('invalid_scope', 'scope_unknown', { log: { scope: name } })
  if (!client.scope.has(name)) return refuse('invalid_scope', 'scope_not_allowed', { log: { scope: name } })
  if (!kinds.has(kind)) return refuse('invalid_scope', 'scope_of_wrong_kind', { log: { scope: name } })
  if (kind === 'offline_access' && !client.grant_types.has('refresh_token')) {
    return refuse('invalid_scope', 'scope_offline_access_without_refresh', { log: { scope: name } })
  }
  return undefined
}

/** Refuses `invalid_scope` when the client may no longer have all that was granted before. */
export const stillAllowed = (
  scope: readonly string[],
  client: Client,
  resources: Resources,
): Refusal | undefined => {
  const lost = scope.find(name => !client.scope.has(name) || scopeKind(resources, name) === undefined)
  return lost === undefined
    ? undefined
    : refuse('invalid_scope', 'scope_withdrawn', { description: 'Invalid scope.', log: { scope: lost } })
}
