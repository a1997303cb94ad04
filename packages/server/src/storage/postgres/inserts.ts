/** Inserts that several statements share. */

import type { Authorization, RefreshFamily } from '../../model/authorization.ts'
import { codecs } from './codecs.ts'

/** Returns an insert of a row whose parameters start at this number, if the condition holds. */
export const insertAuthorization = (from: number, where = 'true'): string =>
  `insert into authorizations (${codecs.authorizations.names}, clean_at) select ${codecs.authorizations.placeholders(from)}, $${from + codecs.authorizations.count}::bigint where ${where}`

/** Returns the parameters of {@link insertAuthorization}. */
export const authorizationRow = (authorization: Authorization) => [
  ...codecs.authorizations.encode(authorization),
  authorization.expires_at,
]

/** Returns the values of a family's columns and of `clean_at`. */
export const familyRow = (family: RefreshFamily) => [
  ...codecs.families.encode(family),
  Math.min(family.expires_at, family.idle_expires_at),
]

/** Returns an insert of a row whose parameters start at this number, if the condition holds. */
export const insertReferenceToken = (from: number, where = 'true'): string =>
  `insert into reference_tokens (${codecs.referenceTokens.names}) select ${codecs.referenceTokens.placeholders(from)} where ${where}`
