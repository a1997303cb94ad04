/** Scope strings (RFC 6749 §3.3): space-separated, case-sensitive names of printable ASCII except `"` and `\`. */

const scopeToken = /^[\x21\x23-\x5B\x5D-\x7E]+$/
const scopeTokens = /^[\x20\x21\x23-\x5B\x5D-\x7E]+$/

/** Returns whether a name is valid in a scope string (RFC 6749 §3.3, scope-token). */
export const isScopeToken = (name: string): boolean => scopeToken.test(name)

/** Returns the names of a scope parameter, sorted and unique; undefined if it is malformed or empty. */
export function parseScope(text: string): readonly string[] | undefined {
  if (!scopeTokens.test(text)) return undefined
  const names = text.split(' ').filter(name => name !== '')
  if (names.length === 0) return undefined
  // Stored and issued scopes, which each request reads, are already sorted.
  return isInOrder(names) ? names : [...new Set(names)].sort()
}

/** Returns whether the names are sorted and unique. */
const isInOrder = (names: readonly string[]): boolean =>
  names.every((name, index) => index === 0 || (names[index - 1] as string) < name)

/** Joins names into a scope string. */
export const formatScope = (names: readonly string[]): string => names.join(' ')

/** Returns whether `whole` contains every name of `part`: a scope is never widened (RFC 6749 §6). */
export const isWithin = (
  part: readonly string[],
  whole: ReadonlySet<string> | readonly string[],
): boolean => {
  const set = Array.isArray(whole) ? new Set(whole) : (whole as ReadonlySet<string>)
  return part.every(name => set.has(name))
}
