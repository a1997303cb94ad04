/** The `claims` parameter (OpenID Connect Core 1.0 §5.5): claims that are asked for one by one, and what must hold of the user. */

import type { Json, JsonObject } from '@tessera/protocol/result'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { RequestedClaims } from '../model/authorization.ts'

export type ClaimsParameter = {
  /** What UserInfo and ID token shall tell of the user. */
  readonly userinfo: RequestedClaims
  readonly id_token: RequestedClaims
  /** Each names users (`sub` with a value or values): the user must be one of each. */
  readonly users: readonly (readonly string[])[]
  /** Authentication context classes, in order of preference; `essential`: one of them must be reached (§5.5.1.1). */
  readonly acr: { readonly values: readonly string[]; readonly essential: boolean }
}

type Member = { readonly essential: boolean; readonly values?: readonly Json[] }

const noClaims: ClaimsParameter = {
  userinfo: {},
  id_token: {},
  users: [],
  acr: { values: [], essential: false },
}

/** Said by the server itself, of the token and of the sign-in (§2): nothing that is looked up in a profile. */
const ownClaims: ReadonlySet<string> = new Set(
  'iss sub aud exp iat nbf jti nonce azp auth_time acr amr idp sid tenant at_hash c_hash s_hash'.split(' '),
)

/** The most claims of a member and values of a claim: they are stored with the sign-in. */
const maxRequestedClaims = 100

/** Refuses `invalid_request` for what is not the object of §5.5, and for more than 100 claims or values. Members and claims that are not known are ignored. */
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
    // Essential without a value: it is always told.
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

const objectOf = (value: unknown): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined

/** The claims of one member; none where it is missing or null. */
function membersOf(value: Json | undefined): ReadonlyMap<string, Member> | undefined {
  if (value === undefined || value === null) return new Map()
  const object = objectOf(value)
  const members = object && Object.entries(object).map(([name, asked]) => [name, memberOf(asked)] as const)
  return members?.every((entry): entry is readonly [string, Member] => entry[1] !== undefined)
    ? new Map(members)
    : undefined
}

/** §5.5.1: null, or an object with `essential`, `value` or `values`; other members are ignored. */
function memberOf(asked: Json): Member | undefined {
  if (asked === null) return { essential: false }
  const object = objectOf(asked)
  if (!object) return undefined
  const { essential = false, value, values } = object
  if (typeof essential !== 'boolean' || (values !== undefined && !Array.isArray(values))) return undefined
  if (value !== undefined) return { essential, values: [value] }
  return { essential, ...(values !== undefined && { values: values as readonly Json[] }) }
}

/** No profile claim, yet an ID token has it where a client asks for it. */
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

/**
 * Returns the languages of `claims_locales` (OpenID Connect Core 1.0 §5.2), the preferred first. Ignores invalid tags.
 */
export const parseClaimsLocales = (text = ''): readonly string[] => [
  ...new Set(text.split(' ').flatMap(canonical)),
]

function canonical(tag: string): readonly string[] {
  try {
    return Intl.getCanonicalLocales(tag)
  } catch {
    return []
  }
}
