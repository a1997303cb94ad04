/** `claims` and `scopes`: the claims of each scope about the user, and the other scopes. */

import { standardIdentityResources } from '../../configuration/schema/resource.ts'
import type { Path } from '../../configuration/validation/schema.ts'
import { texts } from '../convert.ts'
import type { Draft } from '../draft.ts'
import type { Source } from '../source.ts'

const isStandard = (scope: string): boolean => standardIdentityResources.some(({ name }) => name === scope)

/** A scope with its claims: a list, or an object by name. A claim without a scope has null. */
export function readClaims(source: Source, draft: Draft): void {
  if (!source.exists) return
  for (const [scope, claims] of source.members()) {
    if (scope === 'openid') {
      claims.notNeeded('the scope is predefined')
      continue
    }
    if (!claims.isObject && !claims.isList) {
      claims.notPossible('it is not a list of claims')
      continue
    }
    const target = draft.add('identity_resources')
    target.set('name', scope)
    claims.carriedOver(target.at('name'))
    if (claims.isList) target.set('claims', texts(claims, target.at('claims')))
    else target.set('claims', namesIn(claims, target.at('claims')))
  }
}

/** Members of the object are claims, whatever their values are. */
function namesIn(claims: Source, target: Path): readonly string[] {
  const names = Object.keys(claims.whole() as object)
  claims.carriedOver(target)
  return names
}

/** Other scopes are those of APIs. */
export function readScopes(source: Source, draft: Draft): void {
  if (!source.exists) return
  for (const element of source.isList ? source.list() : []) {
    const scope = element.text()
    if (scope === undefined) continue
    if (isStandard(scope) || scope === 'offline_access') element.notNeeded('the scope is predefined')
    else addScope(scope, element, draft)
  }
  if (!source.isList) source.notPossible('it is not a list of scopes')
}

/** Adds an API scope unless the name is known. */
function addScope(scope: string, source: Source, draft: Draft): void {
  if (namesOf(draft).has(scope)) {
    source.notNeeded('another entry defines the scope')
    return
  }
  const target = draft.add('api_scopes')
  target.set('name', scope)
  source.carriedOver(target.at('name'))
}

/** Returns the names of all scopes so far. */
export const namesOf = ({ configuration }: Draft): ReadonlySet<unknown> =>
  new Set(
    ['identity_resources', 'api_scopes'].flatMap(list =>
      ((configuration[list] ?? []) as readonly { name?: unknown }[]).map(({ name }) => name),
    ),
  )
