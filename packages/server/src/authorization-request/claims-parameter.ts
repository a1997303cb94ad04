/** The `claims` parameter (OpenID Connect Core 1.0 §5.5): claims requested individually, and conditions on the user. */

import { isJsonObject } from '@tessera/protocol/json'
import type { Json, JsonObject } from '@tessera/protocol/result'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { RequestedClaims } from '../model/authorization.ts'
import { longestLanguageTag } from '../model/language-tags.ts'

export type ClaimsParameter = {
  /** Claims requested for UserInfo and for the ID token. */
  readonly userinfo: RequestedClaims
  readonly id_token: RequestedClaims
  /** Requested values of `sub`. The user must match each entry. */
  readonly users: readonly (readonly string[])[]
  /** Authentication context classes, in order of preference. If `essential`, one of them is required (§5.5.1.1). */
  readonly acr: { readonly values: readonly string[]; readonly essential: boolean }
}

type Member = { readonly essential: boolean; readonly values?: readonly Json[] }

const noClaims: ClaimsParameter = {
  userinfo: {},
  id_token: {},
  users: [],
  acr: { values: [], essential: false },
}

/** Claims of the token and the sign-in (§2), which come from the server and not from a profile. */
const ownClaims: ReadonlySet<string> = new Set(
  'iss sub aud exp iat nbf jti nonce azp auth_time acr amr idp sid tenant at_hash c_hash s_hash'.split(' '),
)

/**
 * The maximum number of claims in a member and of values for a claim. Limited, because they are stored with the
 * authorization.
 */
const maxRequestedClaims = 100

/**
 * Parses the parameter. Refuses `invalid_request` if it does not have the structure of §5.5, or has more than 100
 * claims or values. Ignores unknown members and claims.
 */
export function parseClaimsParameter(text: string | undefined): Result<ClaimsParameter> {
  if (text === undefined) return ok(noClaims)
  const whole = objectOf(parseJson(text))
  const userinfo = whole && membersOf(whole.userinfo)
  const idToken = whole && membersOf(whole.id_token)
  if (!userinfo || !idToken) return malformed
  if ([userinfo, idToken].some(asksTooMuch)) return tooMany
  const subs = [userinfo.get('sub'), idToken.get('sub')].flatMap(member =>
    member?.values ? [member.values] : [],
  )
  const acr = idToken.get('acr')
  const values = acr?.values ?? []
  if (![...subs.flat(), ...values].every(value => typeof value === 'string')) return malformed
  return ok({
    userinfo: ofUser(userinfo),
    id_token: { ...ofUser(idToken), ...identityProvider(idToken) },
    users: subs as readonly (readonly string[])[],
    // Essential without values needs no check, because `acr` is always present.
    acr: { values: values as readonly string[], essential: acr?.essential === true && values.length > 0 },
  })
}

const malformed: Refusal = refuse('invalid_request', 'claims_malformed', { description: 'Invalid claims' })

const tooMany: Refusal = refuse('invalid_request', 'claims_too_many', { description: 'Too many claims' })

const asksTooMuch = (members: ReadonlyMap<string, Member>): boolean =>
  members.size > maxRequestedClaims ||
  [...members.values()].some(({ values = [] }) => values.length > maxRequestedClaims)

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const objectOf = (value: unknown): JsonObject | undefined => (isJsonObject(value) ? value : undefined)

/** Returns the claims of a member; empty if it is missing or null. */
function membersOf(value: Json | undefined): ReadonlyMap<string, Member> | undefined {
  if (value === undefined || value === null) return new Map()
  const object = objectOf(value)
  const members = object && Object.entries(object).map(([name, asked]) => [name, memberOf(asked)] as const)
  return members?.every((entry): entry is readonly [string, Member] => entry[1] !== undefined)
    ? new Map(members)
    : undefined
}

/** Parses null, or an object with `essential`, `value` or `values`; ignores other members (§5.5.1). */
function memberOf(asked: Json): Member | undefined {
  if (asked === null) return { essential: false }
  const object = objectOf(asked)
  if (!object) return undefined
  const { essential = false, value, values } = object
  if (typeof essential !== 'boolean' || (values !== undefined && !Array.isArray(values))) return undefined
  if (value !== undefined) return { essential, values: [value] }
  return { essential, values: values as readonly Json[] | undefined }
}

/** Returns `idp`, which is not a profile claim but is added to ID tokens on request. */
function identityProvider(members: ReadonlyMap<string, Member>): RequestedClaims {
  const asked = members.get('idp')
  return asked === undefined ? {} : { idp: requestedOf(asked) }
}

const requestedOf = ({ values }: Member): RequestedClaims[string] => (values === undefined ? {} : { values })

const ofUser = (members: ReadonlyMap<string, Member>): RequestedClaims =>
  Object.fromEntries(
    [...members]
      .filter(([name]) => !ownClaims.has(name))
      .map(([name, member]) => [name, requestedOf(member)]),
  )

/** Each language adds names to every lookup of claims. */
const mostLocales = 10

/**
 * Returns the languages of `claims_locales` (OpenID Connect Core 1.0 §5.2), preferred ones first. Ignores tags that are
 * invalid or too long, and all after the first ten.
 */
export const parseClaimsLocales = (text = ''): readonly string[] => [
  ...new Set(
    text
      .split(' ')
      .filter(tag => tag !== '' && tag.length <= longestLanguageTag)
      .slice(0, mostLocales)
      .flatMap(canonical),
  ),
]

function canonical(tag: string): readonly string[] {
  try {
    return Intl.getCanonicalLocales(tag)
  } catch {
    return []
  }
}
