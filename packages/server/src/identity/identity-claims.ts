/** The user claims of ID tokens and UserInfo responses (OpenID Connect Core 1.0 §5.4, §5.5). */

import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Authorization, RequestedClaims } from '../model/authorization.ts'
import {
  applyEntries,
  type ClaimEntry,
  claimName,
  claimNames,
  entriesFor,
  sourceNames,
} from '../model/claim-rule.ts'
import type { Client } from '../model/client.ts'
import { identityEntries, type Resources, untagged } from '../model/resource.ts'
import type { Profile, ProfileRequest } from '../model/user.ts'

type IdentityClaimsRequest = {
  readonly client: Client
  readonly subject: ProfileRequest['subject']
  readonly use: 'id_token' | 'userinfo'
  /** The scope whose claims are included; empty: only claims that are requested individually. */
  readonly scope: readonly string[]
  /** The claims that the authorization request requested individually (`claims` parameter). */
  readonly requested?: Authorization['requested_claims']
}

export type ReadIdentityClaims = (request: IdentityClaimsRequest) => Promise<JsonObject>

export function createIdentityClaims({
  resources,
  profile,
}: {
  resources: Resources
  profile: Pick<Profile, 'claims'>
}): ReadIdentityClaims {
  /** Returns the entries for the individually requested claims that a scope of the client includes. */
  const entriesOf = (names: readonly string[], client: Client): readonly ClaimEntry[] => {
    if (names.length === 0) return []
    const all = identityEntries(resources, [...client.scope])
    const included = new Set(claimNames(all))
    const tagged = names.filter(name => name !== untagged(name) && included.has(untagged(name)))
    return [...all.filter(entry => names.includes(claimName(entry))), ...tagged]
  }

  return async ({ client, subject, use, scope, requested }) => {
    const asked = requested?.[use] ?? {}
    const ofScope = identityEntries(resources, scope)
    const all = [...new Set([...ofScope, ...entriesOf(Object.keys(asked), client)])]
    const entries = entriesFor(all, client.user_claims)
    if (entries.length === 0) return {}
    const languages = claimLanguages(requested?.locales ?? [])
    const names = sourceNames(entries)
    const known =
      names.length === 0
        ? {}
        : await profile.claims({
            subject,
            client_id: client.client_id,
            use,
            names: languages.withTags(names),
          })
    const claims = applyEntries(entries, requested?.locales ? languages.choose(names, known) : known)
    if (requested?.[use] === undefined) return claims
    const granted = new Set(claimNames(ofScope))
    return Object.fromEntries(
      Object.entries(claims).filter(([name, value]) => granted.has(name) || fits(asked[name], value)),
    )
  }
}

/** §5.5.1: a claim that is requested with a value is included only if it has that value. A mismatch is not an error. */
const fits = (asked: RequestedClaims[string] | undefined, value: Json): boolean =>
  asked?.values === undefined || asked.values.some(wanted => JSON.stringify(wanted) === JSON.stringify(value))

type ClaimLanguages = {
  /** Returns these names, and each of them with the tags of the requested languages. */
  readonly withTags: (names: readonly string[]) => readonly string[]
  /** Returns each claim in the first requested language that has a value, or else the claim without a tag. */
  readonly choose: (names: readonly string[], claims: JsonObject) => JsonObject
}

/** Enough for ten languages with script and region. A tag with extensions has more ranges. */
const mostRanges = 30

/**
 * Selects claims in the languages that a client requested (OpenID Connect Core 1.0 §5.2, lookup by RFC 4647 §3.4).
 * Returned claims have no tag, because each is in one language only.
 */
function claimLanguages(locales: readonly string[]): ClaimLanguages {
  const tags = [...new Set(locales.flatMap(rangesOf))].slice(0, mostRanges)
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

/** Returns `zh-Hant-TW`, then `zh-Hant`, then `zh`. */
function rangesOf(locale: string): readonly string[] {
  const parts = locale.split('-')
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('-'))
}
