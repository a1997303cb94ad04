/** The audience of an access token, and the claims for it (RFC 9068 §2.2, RFC 8707 §2). */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { ClaimEntry } from '../model/claim-rule.ts'
import type { SigningAlgorithm } from '../model/client.ts'
import {
  type AccessTokenTyp,
  type ApiResource,
  accessEntries,
  apisOf,
  type Resources,
  usefulResources,
} from '../model/resource.ts'

export type Audience = {
  /**
   * The scope of the access token. If the token is limited to some APIs, scopes that only other APIs own are removed.
   */
  readonly scope: readonly string[]
  /** A string for one name, a list for several, or the default audience if no API owns the scope. */
  readonly aud: string | readonly string[]
  /** The claim entries of the scopes and APIs. */
  readonly claims: readonly ClaimEntry[]
  readonly signingAlgorithm: SigningAlgorithm
  /** The JWT type of the access token. */
  readonly typ: AccessTokenTyp
}

export type Audiences = {
  /**
   * Returns the audience of a scope. Refuses `invalid_target` if an API in the limit owns none of the scopes, and
   * `invalid_scope` if two APIs require different algorithms or types.
   * @param limit names of the APIs that the token is limited to; empty for every API that owns a scope.
   */
  readonly of: (scope: readonly string[], limit: readonly string[]) => Result<Audience>
  /** Returns the same for the limit of an authorization: its APIs that own none of the scopes are left out. */
  readonly within: (scope: readonly string[], limit: readonly string[]) => Result<Audience>
}

const cacheSize = 2000

export function createAudiences({
  resources,
  unowned,
  defaultAlgorithm,
}: {
  readonly resources: Resources
  /** The audience of tokens whose scope no API owns. */
  readonly unowned: string
  /** The algorithm of tokens whose APIs require none. */
  readonly defaultAlgorithm: SigningAlgorithm
}): Audiences {
  const known = new Map<string, Result<Audience>>()

  const compute = (scope: readonly string[], limit: readonly string[]): Result<Audience> => {
    const owners = apisOf(resources, scope)
    if (limit.some(name => !owners.some(api => api.name === name))) {
      return refuse('invalid_target', 'resource_outside_scope', {
        description: 'resource does not own any of the scopes',
      })
    }
    const apis = limit.length === 0 ? owners : owners.filter(api => limit.includes(api.name))
    const algorithms = new Set(apis.flatMap(api => api.access_token_signing_alg ?? []))
    if (algorithms.size > 1) {
      return refuse('invalid_scope', 'signing_algorithms_conflict', {
        description: 'the APIs of these scopes require different signing algorithms',
      })
    }
    const typs = new Set(apis.flatMap(api => api.access_token_typ ?? []))
    if (typs.size > 1) {
      return refuse('invalid_scope', 'access_token_typs_conflict', {
        description:
          'the APIs of these scopes require access tokens of different types: select one with resource',
      })
    }
    const names = apis.map(api => api.name)
    const left =
      limit.length === 0 ? scope : scope.filter(name => !resources.apiScopes.has(name) || isOwned(name, apis))
    return ok({
      scope: left,
      aud: names.length === 0 ? unowned : names.length === 1 ? names[0]! : names,
      claims: accessEntries(resources, left, apis),
      signingAlgorithm: [...algorithms][0] ?? defaultAlgorithm,
      typ: [...typs][0] ?? 'at+jwt',
    })
  }

  function audienceOf(scope: readonly string[], limit: readonly string[]): Result<Audience> {
    // Scopes and names contain neither spaces nor line ends.
    const key = `${scope.join(' ')}\n${limit.join(' ')}`
    const before = known.get(key)
    if (before) return before
    const result = compute(scope, limit)
    if (known.size >= cacheSize) known.clear()
    known.set(key, result)
    return result
  }

  return {
    of: audienceOf,
    within: (scope, limit) => audienceOf(scope, usefulResources(limit, scope, resources)),
  }
}

const isOwned = (scope: string, apis: readonly ApiResource[]): boolean =>
  apis.some(api => api.scopes.includes(scope))
