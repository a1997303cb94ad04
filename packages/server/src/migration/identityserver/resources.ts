/** API scopes, API resources and identity resources of IdentityServer4. */

import { standardIdentityResources } from '../../configuration/schema/resource.ts'
import { type Convert, carry, filledText, flag } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import type { Source } from '../source.ts'
import { readAlgorithms } from './clients.ts'
import { anyOf, cellOf, column, elementsOf, ignoreRowMembers, refuseProperties } from './rows.ts'
import { readSecrets } from './secrets.ts'

/** A claim that is derived from the roles of a user, which have a key of their own here. */
const roleRule = { claim: 'role', from: 'roles' }

const claims: Convert<readonly unknown[]> = (source, target) => {
  if (!source.exists) return
  const names: unknown[] = []
  for (const element of source.list()) {
    const cell = cellOf(element, 'Type')
    const name = cell.text()
    if (name === undefined) continue
    const place = [...target, names.length]
    const isRole = name === 'role'
    if (isRole) cell.changed('roles of users are in "roles" here; a rule copies them to "role"', place)
    else cell.carriedOver(place)
    names.push(isRole ? roleRule : name)
  }
  return names
}

/** Returns whether the resource is enabled. A disabled one is left out. */
function isEnabled(source: Source): boolean {
  const enabled = source.member('Enabled')
  if (enabled.exists && enabled.flag() === false) {
    source.notPossible('it is disabled')
    return false
  }
  enabled.notNeeded('all resources of the configuration are enabled')
  return true
}

function readShared(source: Source, target: Target, claimTable: string): void {
  ignoreRowMembers(source)
  carry(source.member('Name'), target, 'name', filledText)
  carry(source.member('DisplayName'), target, 'display_name', filledText)
  carry(anyOf(source, 'UserClaims', claimTable), target, 'claims', claims)
  refuseProperties(anyOf(source, 'Properties', claimTable.replace('Claims', 'Properties')))
  const shown = source.member('ShowInDiscoveryDocument')
  if (shown.exists && shown.flag() === false) shown.notPossible('discovery lists all scopes')
  else shown.notNeeded('discovery lists all scopes')
}

function readScope(source: Source, target: Target, claimTable: string): void {
  readShared(source, target, claimTable)
  carry(source.member('Description'), target, 'description', filledText)
  carry(source.member('Required'), target, 'required', flag)
  carry(source.member('Emphasize'), target, 'emphasize', flag)
}

export function readIdentityResource(source: Source, draft: Draft): void {
  if (!isEnabled(source)) return
  const name = source.member('Name').text()
  // A standard scope has the claims of OpenID Connect Core 1.0 §5.4 anyway.
  const isStandard = standardIdentityResources.some(standard => standard.name === name)
  const hasClaims = elementsOf(anyOf(source, 'UserClaims', 'IdentityResourceClaims')).length > 0
  if (isStandard && !hasClaims) {
    source.notNeeded('the scope is predefined')
    return
  }
  readScope(source, draft.add('identity_resources'), 'IdentityResourceClaims')
}

export function readApiScope(source: Source, draft: Draft): void {
  if (isEnabled(source)) readScope(source, draft.add('api_scopes'), 'ApiScopeClaims')
}

export function readApiResource(source: Source, draft: Draft): void {
  if (!isEnabled(source)) return
  const api = draft.add('api_resources')
  readShared(source, api, 'ApiResourceClaims')
  source.member('Description').notPossible('APIs have no description here; scopes have one')
  readAlgorithms(source.member('AllowedAccessTokenSigningAlgorithms'), api, 'access_token_signing_alg')
  if (api.value.access_token_signing_alg === undefined) {
    api.set('access_token_signing_alg', 'RS256')
    source.added('IdentityServer4 signs with RS256 by default', api.at('access_token_signing_alg'))
  }
  readScopesOf(source, api, draft)
  const secrets = anyOf(source, 'ApiSecrets', 'Secrets', 'ApiResourceSecrets')
  const place = api.at('api_secrets')
  const { shared, keys } = readSecrets(secrets, { shared: place, keys: place })
  if (shared.length > 0) api.set('api_secrets', shared)
  if (keys.length > 0) source.added('APIs authenticate with secrets; keys are left out', place)
}

/** In versions before 4, an API contains its scopes. */
function readScopesOf(source: Source, api: Target, draft: Draft): void {
  const scopes = anyOf(source, 'Scopes', 'ApiResourceScopes', 'ApiScopes')
  const isNested =
    scopes.isList && scopes.list().some(element => element.isObject && element.member('Name').exists)
  if (!isNested) {
    carry(scopes, api, 'scopes', column('Scope'))
    return
  }
  const names: string[] = []
  for (const element of scopes.list()) {
    const scope = draft.add('api_scopes')
    element.member('ApiResourceId').notNeeded('it is a key of the database')
    readScope(element, scope, 'ApiScopeClaims')
    if (typeof scope.value.name === 'string') names.push(scope.value.name)
  }
  api.set('scopes', names)
}
