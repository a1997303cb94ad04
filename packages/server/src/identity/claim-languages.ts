/** Claims in the languages that a client asked for (OpenID Connect Core 1.0 §5.2; lookup, RFC 4647 §3.4). */

import type { JsonObject } from '@tessera/protocol/result'

export type ClaimLanguages = {
  /** These claims, and what they may be called in the languages that are wanted. */
  readonly withTags: (names: readonly string[]) => readonly string[]
  /** Each of these claims in the first language that it is known in; else as it stands without a tag. */
  readonly choose: (names: readonly string[], claims: JsonObject) => JsonObject
}

/** The claim without a tag holds the language that was asked for: one language is wanted, so nothing needs telling apart (§5.2). */
export function claimLanguages(locales: readonly string[]): ClaimLanguages {
  const tags = [...new Set(locales.flatMap(rangesOf))]
  const tagged = (name: string): readonly string[] =>
    name.includes('#') ? [] : tags.map(tag => `${name}#${tag}`)
  return {
    withTags: names => (tags.length === 0 ? names : [...new Set([...names, ...names.flatMap(tagged)])]),
    choose: (names, claims) =>
      Object.fromEntries(
        names.flatMap(name => {
          const found = [...tagged(name), name].find(one => claims[one] !== undefined)
          const value = found === undefined ? undefined : claims[found]
          return value === undefined ? [] : [[name, value] as const]
        }),
      ),
  }
}

/** `zh-Hant-TW`, then `zh-Hant`, then `zh`. */
function rangesOf(locale: string): readonly string[] {
  const parts = locale.split('-')
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('-'))
}
