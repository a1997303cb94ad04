/** What pages show of a user and of scopes. */

import type { Session } from '../../model/authorization.ts'
import type { Resources } from '../../model/resource.ts'
import type { Users } from '../../model/user.ts'
import type { ScopeLine } from '../ui/scope-text.ts'

/** The scopes in the order of configuration, `offline_access` last, with the words that the operator has for them. */
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
        ...(display_name !== undefined && { display_name }),
        ...(description !== undefined && { description }),
        required: isRequired(name, resources),
        emphasize,
      }
    })
}

/** Without `openid` the user could not be told (OpenID Connect Core 1.0 §3.1.2.1); others are as the operator says. */
const isRequired = (name: string, { identity, apiScopes }: Resources): boolean =>
  name === 'openid' || (identity.get(name) ?? apiScopes.get(name))?.required === true

/** What was ticked, among what was asked for, and what can't be unticked. */
export const agreedOf = (
  asked: readonly string[],
  ticked: readonly string[],
  resources: Resources,
): readonly string[] => asked.filter(name => ticked.includes(name) || isRequired(name, resources))

/** Nothing for later is nothing. Who agrees to nothing refuses. */
export const agreesToNothing = (agreed: readonly string[]): boolean =>
  !agreed.some(name => name !== 'offline_access')

/** A name that the user knows themself by. */
export async function userName(
  { sub, claims }: Pick<Session, 'sub' | 'claims'>,
  users: Pick<Users, 'find'>,
): Promise<string> {
  const named = claims?.preferred_username ?? claims?.name ?? claims?.email
  return (await users.find(sub))?.username ?? (typeof named === 'string' ? named : sub)
}
