/** Attributes of users that have another name as a claim (OpenID Connect Core 1.0 §5.1). */

import type { Json } from '@tessera/protocol/result'
import { reservedClaims } from '../../model/user.ts'
import type { Target } from '../draft.ts'
import { elements, entries } from '../outcomes.ts'
import { textsOf } from '../raw.ts'
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

/** Returns the claim of a user that contains an attribute. */
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

/** Copies attributes to claims. Each is a list of texts in Keycloak; one text is not a list here. */
export function readAttributes(source: Source, target: Target): void {
  const found: Record<string, Json> = {}
  for (const [name, attribute] of entries(source)) {
    if (Object.hasOwn(internal, name)) {
      attribute.notNeeded(internal[name]!)
      continue
    }
    const [claim, inner] = claimOfAttribute(name)
    if (claim === '' || claim === '__proto__' || reservedClaims.has(claim!)) {
      attribute.notPossible('no claim of a user can have this name')
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
      claim === 'phone_number_verified' ? values[0] === 'true' : values.length > 1 ? values : values[0]!
    if (inner === undefined) found[claim!] = value
    else found[claim!] = { ...(found[claim!] as object), [inner]: value }
  }
  if (Object.keys(found).length > 0)
    target.set('claims', { ...(target.value.claims as object | undefined), ...found })
}
