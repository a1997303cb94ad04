/** Attributes of users that have another name as a claim (OpenID Connect Core 1.0 §5.1), and those that become none. */

import type { Json } from '@tessera/protocol/result'
import { untagged } from '../../model/resource.ts'
import { problemOfClaim } from '../../model/user-claims.ts'
import type { Target } from '../draft.ts'
import { elements, entries } from '../outcomes.ts'
import { membersOf, own, textsOf } from '../raw.ts'
import type { Source } from '../source.ts'

const claims: Readonly<Record<string, readonly string[]>> = {
  firstName: ['given_name'],
  lastName: ['family_name'],
  middleName: ['middle_name'],
  phoneNumber: ['phone_number'],
  phoneNumberVerified: ['phone_number_verified'],
  username: ['preferred_username'],
  emailVerified: ['email_verified'],
  updatedAt: ['updated_at'],
  street: ['address', 'street_address'],
  locality: ['address', 'locality'],
  region: ['address', 'region'],
  postal_code: ['address', 'postal_code'],
  country: ['address', 'country'],
  formatted: ['address', 'formatted'],
}

/** Returns the claim of a user that contains what mappers call an attribute: a member of the user, or an attribute. */
export const claimOfAttribute = (attribute: string): readonly string[] =>
  Object.hasOwn(claims, attribute) ? claims[attribute]! : [attribute]

/** Attributes that Keycloak manages itself. */
const internal: Readonly<Record<string, string>> = {
  LDAP_ID: 'the directory has it',
  LDAP_ENTRY_DN: 'the directory has it',
  createTimestamp: 'the directory has it',
  modifyTimestamp: 'the directory has it',
  terms_and_conditions: 'it is a date of Keycloak',
}

const change = 'if the user has it, change the user with "tessera users set"'
const ofUser = `the member of the user with this meaning counts, not the attribute; ${change}`
const noRole = `an attribute is no role or group in Keycloak; ${change}, "set-roles" or "set-groups"`
const ofOthers = 'the claim is made of other attributes; give the attribute and its mapper another name'

/**
 * Claims that no attribute becomes, because this server, its operator or another part of the import decides them. In
 * Keycloak, users may change attributes, and an attribute is in no token without a mapper.
 */
const decided: Readonly<Record<string, string>> = {
  email: ofUser,
  email_verified: ofUser,
  preferred_username: ofUser,
  groups: noRole,
  roles: noRole,
  realm_access: noRole,
  resource_access: noRole,
  active: 'the member "enabled" of the user counts; see "tessera users disable"',
  updated_at: 'this server sets it, when a user is changed',
}

/** Attributes with the name of a claim that Keycloak's own mappers make of other attributes. */
const misleading: Readonly<Record<string, string>> = {
  phone_number_verified: ofOthers,
  address: ofOthers,
}

const noClaim = 'no claim of a user can have this name; give the attribute and its mapper another one'

/** Returns why an attribute does not become a claim of the user; undefined if it does. */
export function problemOfAttribute(attribute: string): string | undefined {
  const [name, claim] = [untagged(attribute), untagged(claimOfAttribute(attribute)[0]!)]
  if (Object.hasOwn(misleading, name)) return misleading[name]
  if (Object.hasOwn(decided, claim)) return decided[claim]
  return claim === '' || claim === '__proto__' || problemOfClaim(claim) ? noClaim : undefined
}

/**
 * Copies attributes to claims. Each is a list of texts in Keycloak; one text is not a list here. Names that other members
 * of the user have set are kept.
 */
export function readAttributes(source: Source, target: Target): void {
  const found: Record<string, Json> = {}
  const names = membersOf(target.value.claims)
  const all = membersOf(source.whole())
  for (const [name, attribute] of entries(source)) {
    if (Object.hasOwn(internal, name)) {
      attribute.notNeeded(internal[name]!)
      continue
    }
    const [claim, inner] = claimOfAttribute(name)
    const problem = problemOfAttribute(name) ?? conflictOf(name, all, names)
    if (problem !== undefined) {
      attribute.notPossible(problem)
      continue
    }
    const place = target.at('claims', claim!)
    const given = attribute.whole()
    const values = textsOf(given)
    if (Array.isArray(given) && values.length === given.length && values.length > 0)
      attribute.carriedOver(place)
    else
      for (const element of elements(attribute)) if (element.text() !== undefined) element.carriedOver(place)
    if (values.length === 0) continue
    const value: Json =
      claim === 'phone_number_verified' ? isTrue(values[0]!) : values.length > 1 ? values : values[0]!
    if (inner === undefined) found[claim!] = value
    else found[claim!] = { ...(found[claim!] as object), [inner]: value }
  }
  if (Object.keys(found).length > 0) target.set('claims', { ...names, ...found })
}

type Members = Readonly<Record<string, unknown>>

/** Returns why another member or attribute has the claim of an attribute. */
function conflictOf(name: string, attributes: Members, names: Members): string | undefined {
  const [claim] = claimOfAttribute(name)
  if (Object.hasOwn(names, claim!)) return 'the first and last name of the user count'
  const has = (attribute: string) => textsOf(own(attributes, attribute)).length > 0
  const usual = Object.keys(claims).find(one => one !== name && claims[one]![0] === claim && inner(one))
  if (usual !== undefined && !Object.hasOwn(claims, name) && has(usual))
    return `the attribute ${usual} has this claim`
  // The statement of Keycloak's tokens is about this number.
  return claim === 'phone_number_verified' && !has('phoneNumber')
    ? 'there is no attribute phoneNumber that it is about'
    : undefined
}

const inner = (attribute: string): boolean => claims[attribute]!.length === 1

/** As Keycloak reads the text of a boolean. */
const isTrue = (text: string): boolean => text.toLowerCase() === 'true'
