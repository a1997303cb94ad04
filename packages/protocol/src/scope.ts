/** Scope strings (RFC 6749 §3.3): space-separated, case-sensitive names of printable ASCII but `"` and `\`. */

const scopeToken = /^[\x21\x23-\x5B\x5D-\x7E]+$/
const scopeTokens = /^[\x20\x21\x23-\x5B\x5D-\x7E]+$/

/** Whether a name may stand in a scope string (RFC 6749 §3.3, scope-token). */
export const isScopeToken = (name: string): boolean => scopeToken.test(name)

/** Splits a scope parameter into sorted names without duplicates; undefined when it is malformed or names nothing. */
export function parseScope(text: string): readonly string[] | undefined {
  if (!scopeTokens.test(text)) return undefined
  const names = text.split(' ').filter(name => name !== '')
  if (names.length === 0) return undefined
  // What we stored or issued is read again with each request, and is in order already.
  return isInOrder(names) ? names : [...new Set(names)].sort()
}

/** Sorted, and none twice. */
const isInOrder = (names: readonly string[]): boolean =>
  names.every((name, index) => index === 0 || (names[index - 1] as string) < name)

/** Joins names into a scope string. */
export const formatScope = (names: readonly string[]): string => names.join(' ')

/** Whether every name of `part` is in `whole`: the rule of "never widened" (RFC 6749 §6). */
export const isWithin = (
  part: readonly string[],
  whole: ReadonlySet<string> | readonly string[],
): boolean => {
  const set = Array.isArray(whole) ? new Set(whole) : (whole as ReadonlySet<string>)
  return part.every(name => set.has(name))
}
