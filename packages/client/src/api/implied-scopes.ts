/** Scopes that imply others: a broader scope meets a requirement for a narrower one. */

import { isScopeToken } from '@tessera/protocol/scope'

/** For each scope, those that it implies. */
export type ImpliedScopes = Readonly<Record<string, readonly string[]>>

/**
 * Returns a function that adds all implied scopes to those of a token.
 * @throws TypeError if a name is malformed.
 */
export function createScopeExpansion(
  implied: ImpliedScopes = {},
): (scopes: readonly string[]) => ReadonlySet<string> {
  const known = new Map(Object.entries(implied))
  for (const [name, others] of known)
    for (const one of [name, ...others])
      if (!isScopeToken(one))
        throw new TypeError(`impliedScopes contains ${JSON.stringify(one)}, which is not a name`)
  return scopes => {
    const all = new Set(scopes)
    // A set yields what is added while it is read, so implied scopes are followed too.
    for (const name of all) for (const other of known.get(name) ?? []) all.add(other)
    return all
  }
}
