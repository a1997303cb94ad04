/** View models of users and scopes, and the evaluation of consent forms. */

import type { Session } from '../../model/authorization.ts'
import type { Resources } from '../../model/resource.ts'
import type { Users } from '../../model/user.ts'
import type { ScopeLine } from '../ui/scope-text.ts'

/** Returns the scopes in the order of the configuration, `offline_access` last, with the operator's texts. */
export const scopeLines = (scope: readonly string[], resources: Resources): readonly ScopeLine[] => {
  const order = [...resources.identity.keys(), ...resources.apiScopes.keys(), 'offline_access']
  return order
    .filter(name => scope.includes(name))
    .map(name => {
      const {
        display_name,
        description,
        emphasize = false,
      } = resources.identity.get(name) ?? resources.apiScopes.get(name) ?? {}
      return {
        name,
        display_name,
        description,
        required: isRequired(name, resources),
        emphasize,
      }
    })
}

/** `openid` identifies the user (OpenID Connect Core 1.0 §3.1.2.1); the operator decides for the others. */
const isRequired = (name: string, { identity, apiScopes }: Resources): boolean =>
  name === 'openid' || (identity.get(name) ?? apiScopes.get(name))?.required === true

/** Returns the requested scopes that the user selected, and those that are required. */
export const agreedOf = (
  asked: readonly string[],
  ticked: readonly string[],
  resources: Resources,
): readonly string[] => asked.filter(name => ticked.includes(name) || isRequired(name, resources))

/**
 * Returns whether the user refused: clearing every box counts as a refusal, and `offline_access` alone grants nothing.
 */
export const agreesToNothing = (agreed: readonly string[]): boolean =>
  !agreed.some(name => name !== 'offline_access')

/** Returns a name that the user recognizes. */
export async function userName(
  { sub, claims }: Pick<Session, 'sub' | 'claims'>,
  users: Pick<Users, 'find'>,
): Promise<string> {
  const named = claims?.preferred_username ?? claims?.name ?? claims?.email
  return (await users.find(sub))?.username ?? (typeof named === 'string' ? named : sub)
}
