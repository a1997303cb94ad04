/** The scopes of a client. Keycloak adds those that are "default" to each request. */

import type { Target } from '../draft.ts'
import { elements } from '../outcomes.ts'
import { textsOf } from '../raw.ts'
import type { Source } from '../source.ts'
import type { Scopes } from './scopes.ts'

export function readClientScopes(source: Source, target: Target, scopes: Scopes): void {
  const grants = textsOf(target.value.grant_types)
  // Grants of client credentials alone involve no user.
  const hasUsers = grants.some(grant => grant !== 'client_credentials')
  const isFull = source.member('fullScopeAllowed')
  const hasAllRoles = isFull.whole() !== false
  if (hasAllRoles) isFull.notNeeded('tokens contain all roles of the user')
  else isFull.changed('roles are not limited for single clients, so this one does not get the scope roles')

  const names: string[] = []
  /** Returns the place of the first one. */
  const add = (added: readonly string[]) => {
    for (const name of added) if (!names.includes(name)) names.push(name)
    return target.at('scope', Math.max(0, names.indexOf(added[0] ?? '')))
  }
  const namesOf = (name: string): readonly string[] => {
    if (name === 'offline_access') return hasUsers ? [name] : []
    const found = scopes.namesOf(name)
    return found ? [...(hasUsers ? found.identity : []), ...found.api] : []
  }

  if (hasUsers) add(['openid'])
  for (const list of lists) {
    const given = source.member(list)
    for (const element of elements(given)) {
      const name = element.text()
      if (name === undefined) continue
      const added = namesOf(name)
      if (name === 'roles' && !hasAllRoles) element.notPossible('see fullScopeAllowed')
      else if (added.length > 0) element.carriedOver(add(added))
      else if (name === 'offline_access' || scopes.namesOf(name))
        element.notNeeded('it adds nothing to tokens here')
      else element.notPossible('no client scope of the files has this name')
    }
  }
  if (lists.every(list => !source.member(list).exists)) {
    const place = add(usual.flatMap(name => (name === 'roles' && !hasAllRoles ? [] : namesOf(name))))
    source.added('Keycloak gives these scopes to clients that name none', place)
  } else if (source.member('defaultClientScopes').exists)
    source.added(
      'Keycloak adds default scopes to each request; here the client has to request them, or omit the parameter scope',
      target.at('scope'),
    )
  if (hasUsers && grants.includes('refresh_token')) add(['offline_access'])
  const dedicated = scopes.addDedicated(
    String(target.value.client_id ?? ''),
    source.member('protocolMappers'),
  )
  const own = [...(hasUsers ? dedicated.identity : []), ...dedicated.api]
  if (own.length > 0)
    source.added('the scope contains the mappers of the client, which has to request it', add(own))
  target.set('scope', names)
}

const lists = ['defaultClientScopes', 'optionalClientScopes'] as const

/** The scopes of clients in a new realm. */
const usual = ['profile', 'email', 'roles', 'address', 'phone', 'offline_access']
