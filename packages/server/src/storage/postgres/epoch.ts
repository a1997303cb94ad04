/** Checks in PostgreSQL that a sign-in has its user's current epoch: see `StoredUser`. */

/**
 * Returns a part of a statement, and the condition that depends on it. Users who are not stored have no epoch. A
 * configured user takes precedence over a stored one with the same `sub`. The user's row stays locked until the
 * statement has written, so a transaction that ends the user's access waits for it and then sees what it wrote.
 *
 * @param subs all users of a statement for several users.
 */
export const epochGuard = (sub: string, epoch: string, subs = `array[${sub}::text]`) => ({
  part: `owner as materialized (
  select sub, epoch from stored_users where sub = any (${subs}) order by sub for share
)`,
  condition: `(${epoch}::bigint is not distinct from (select epoch from owner where owner.sub = ${sub})
      or exists (select 1 from standing where kind = 'user' and id = ${sub} and stands = 1))`,
})
