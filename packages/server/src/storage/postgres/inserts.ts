/** Inserts that several statements share: a row's parameters from a number on, where a condition holds. */

import type { Authorization, RefreshFamily } from '../../model/authorization.ts'
import { codecs } from './codecs.ts'

/** An insert of a row's parameters, from this number on, where the condition holds. */
export const insertAuthorization = (from: number, where = 'true'): string =>
  `insert into authorizations (${codecs.authorizations.names}, clean_at) select ${codecs.authorizations.placeholders(from)}, $${from + codecs.authorizations.count}::bigint where ${where}`

/** The parameters of that insert. */
export const authorizationRow = (authorization: Authorization) => [
  ...codecs.authorizations.encode(authorization),
  authorization.expires_at,
]

/** What a row is inserted with: its own columns, and `clean_at`. */
export const familyRow = (family: RefreshFamily) => [
  ...codecs.families.encode(family),
  Math.min(family.expires_at, family.idle_expires_at),
]

/** An insert of a row's parameters, from this number on, where the condition holds. */
export const insertReferenceToken = (from: number, where = 'true'): string =>
  `insert into reference_tokens (${codecs.referenceTokens.names}) select ${codecs.referenceTokens.placeholders(from)} where ${where}`
