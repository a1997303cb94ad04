/** `default_scopes` of APIs: scopes that such requests can be granted. */

import type { Diagnostic } from '../diagnostic.ts'
import { type Draft, diagnosticAt } from '../draft.ts'
import { nearestOf } from '../nearest.ts'
import { standardIdentityResources } from '../schema/resource.ts'

type Api = Draft['api_resources'][number]

/** Returns the errors of the default scopes of an API. */
export function defaultScopeErrors(api: Api, { names }: Draft): readonly Diagnostic[] {
  const { scopes, default_scopes: defaults = [] } = api.value
  if (api.invalid.has('scopes') || defaults.length === 0) return []
  const identity = new Set([
    ...standardIdentityResources.map(({ name }) => name),
    ...names.identity_resources,
  ])
  const known = new Set([...scopes, ...identity, 'offline_access'])
  const unknown = defaults.flatMap((name, index) => {
    if (known.has(name)) return []
    const nearest = nearestOf(name, known)
    return diagnosticAt(
      api,
      'default_scopes',
      {
        problem: `"${name}" is not a scope of this API`,
        expected: 'names of its scopes, identity scopes, or offline_access',
        nearest,
        fix: nearest === undefined ? 'add it to scopes, or remove it' : `write "${nearest}"`,
      },
      index,
    )
  })
  if (unknown.length > 0) return unknown
  return [
    // RFC 8707 §2: a token can't be for an API of which it has no scope.
    ...(defaults.some(name => scopes.includes(name)) ? [] : diagnosticAt(api, 'default_scopes', withoutOwn)),
    ...(defaults.some(name => identity.has(name)) && !defaults.includes('openid')
      ? diagnosticAt(api, 'default_scopes', withoutOpenid)
      : []),
  ]
}

const withoutOwn = {
  problem: 'it contains no scope of this API, so its tokens could not be for the API',
  expected: 'at least one of its scopes; or [], so that requests must name scopes',
  fix: 'add one of its scopes',
}

const withoutOpenid = {
  problem: 'it contains identity scopes without "openid"',
  expected: '"openid" beside identity scopes (OpenID Connect Core 1.0 §3.1.2.1)',
  fix: 'add "openid", or remove the identity scopes',
}
