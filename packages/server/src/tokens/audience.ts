/** Who an access token is for and what it carries for them (RFC 9068 §2.2, RFC 8707 §2). */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { SigningAlgorithm } from '../model/client.ts'
import {
  type AccessTokenTyp,
  type ApiResource,
  accessClaims,
  apisOf,
  type Resources,
} from '../model/resource.ts'

export type Audience = {
  /** What the access token carries: where it is limited to some APIs, only their scopes and those of no API. */
  readonly scope: readonly string[]
  /** One name as a string, several as a list; where no API owns the scope, the one for that. */
  readonly aud: string | readonly string[]
  /** The user claims that its scopes and APIs ask for. */
  readonly claims: readonly string[]
  readonly signingAlgorithm: SigningAlgorithm
  /** The type of a JWT for it. */
  readonly typ: AccessTokenTyp
}

export type Audiences = {
  /**
   * @param limit API names that the token is limited to; empty: every API that owns one of the scopes.
   * Refuses `invalid_target` for a limit that owns none of the scopes, `invalid_scope` where two APIs ask for unlike algorithms
   * or types: an API that asks for neither takes those of the other.
   */
  readonly of: (scope: readonly string[], limit: readonly string[]) => Result<Audience>
}

const defaultAlgorithm: SigningAlgorithm = 'ES256'
const cacheSize = 2000

export function createAudiences({
  resources,
  unowned,
}: {
  readonly resources: Resources
  /** The audience of tokens whose scopes belong to no API. */
  readonly unowned: string
}): Audiences {
  const known = new Map<string, Result<Audience>>()

  const compute = (scope: readonly string[], limit: readonly string[]): Result<Audience> => {
    const owners = apisOf(resources, scope)
    if (limit.some(name => !owners.some(api => api.name === name))) {
      return refuse('invalid_target', 'resource_outside_scope', {
        description: 'resource has none of the scopes',
      })
    }
    const apis = limit.length === 0 ? owners : owners.filter(api => limit.includes(api.name))
    const algorithms = new Set(apis.flatMap(api => api.access_token_signing_alg ?? []))
    if (algorithms.size > 1) {
      return refuse('invalid_scope', 'signing_algorithms_conflict', {
        description: 'the APIs of these scopes ask for different signing algorithms',
      })
    }
    const typs = new Set(apis.flatMap(api => api.access_token_typ ?? []))
    if (typs.size > 1) {
      return refuse('invalid_scope', 'access_token_typs_conflict', {
        description:
          'the APIs of these scopes ask for access tokens of different types: name one as resource',
      })
    }
    const names = apis.map(api => api.name)
    const left =
      limit.length === 0 ? scope : scope.filter(name => !resources.apiScopes.has(name) || isOwned(name, apis))
    return ok({
      scope: left,
      aud: names.length === 0 ? unowned : names.length === 1 ? names[0]! : names,
      claims: accessClaims(resources, left, apis),
      signingAlgorithm: [...algorithms][0] ?? defaultAlgorithm,
      typ: [...typs][0] ?? 'at+jwt',
    })
  }

  return {
    of(scope, limit) {
      // Neither scopes nor names hold a space or a line end, but any other separator.
      const key = `${scope.join(' ')}\n${limit.join(' ')}`
      const before = known.get(key)
      if (before) return before
      const result = compute(scope, limit)
      if (known.size >= cacheSize) known.clear()
      known.set(key, result)
      return result
    },
  }
}

const isOwned = (scope: string, apis: readonly ApiResource[]): boolean =>
  apis.some(api => api.scopes.includes(scope))
