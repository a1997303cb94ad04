/**
 * Conditions on ids that a user and a client could both get. The `sub` of a token without a user is the `client_id`, so it
 * must not be the `sub` of a user (RFC 9068 §5, RFC 9700 §4.15).
 */

/** Returns the condition that a stored user has this `sub`. @param id a parameter. */
export const isStoredUser = (id: string): string => `exists (select 1 from stored_users where sub = ${id})`

/**
 * Returns the condition that an entry or a registration has this `client_id`, also if it is disabled or expired.
 * @param id a parameter.
 */
export const isStoredClient = (id: string): string =>
  `(exists (select 1 from entries where kind = 'clients' and id = ${id})
    or exists (select 1 from registered_clients where client_id = ${id}))`

/**
 * Returns the condition that a new entry of a client would have the `sub` of a stored user. An entry that exists beside
 * such a user can still be replaced. @param id a parameter.
 */
export const isEntryOfUser = (id: string): string =>
  `${isStoredUser(id)} and not exists (select 1 from entries where kind = 'clients' and id = ${id})`
