/** The user claims of ID tokens and UserInfo answers (OpenID Connect Core 1.0 §5.4, §5.5). */

import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Authorization, RequestedClaims } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import { identityClaims, type Resources, untagged } from '../model/resource.ts'
import type { Profile, ProfileRequest } from '../model/user.ts'
import { claimLanguages } from './claim-languages.ts'

type IdentityClaimsRequest = {
  readonly client: Client
  readonly subject: ProfileRequest['subject']
  readonly use: 'id_token' | 'userinfo'
  /** The scope whose claims are wanted; empty: none of them, only what is asked for one by one. */
  readonly scope: readonly string[]
  /** What the authorization request asked for one by one. */
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
  /** Of claims asked for one by one, those that a scope of the client opens. */
  const reachable = (names: readonly string[], client: Client): readonly string[] => {
    if (names.length === 0) return names
    const opened = new Set(identityClaims(resources, [...client.scope]))
    return names.filter(name => opened.has(untagged(name)))
  }

  return async ({ client, subject, use, scope, requested }) => {
    const asked = requested?.[use] ?? {}
    const ofScope = identityClaims(resources, scope)
    const oneByOne = reachable(Object.keys(asked), client)
    const names = oneByOne.length === 0 ? ofScope : [...new Set([...ofScope, ...oneByOne])]
    if (names.length === 0) return {}
    const languages = claimLanguages(requested?.locales ?? [])
    const known = await profile.claims({
      ...{ subject, client_id: client.client_id, use },
      names: languages.withTags(names),
    })
    const claims = requested?.locales ? languages.choose(names, known) : known
    if (requested?.[use] === undefined) return claims
    return Object.fromEntries(
      Object.entries(claims).filter(([name, value]) => ofScope.includes(name) || fits(asked[name], value)),
    )
  }
}

/** §5.5.1: a claim that is asked for with a value is wanted with that value only; without it, it is left out, and no error. */
const fits = (asked: RequestedClaims[string] | undefined, value: Json): boolean =>
  asked?.values === undefined || asked.values.some(wanted => JSON.stringify(wanted) === JSON.stringify(value))
