/** Whether a sign-in is of its user's present epoch, in PostgreSQL: see `StoredUser`. */

/**
 * A part of a statement, and the condition that it answers. Of who is no stored user there is none; a configured user of
 * the same `sub` goes before a stored one. The user's row stays locked until the statement has written: whoever ends
 * the user's access meanwhile waits for it, and then finds what it wrote. Where it is asked of many, `subs` are all.
 */
export const epochGuard = (sub: string, epoch: string, subs = `array[${sub}::text]`) => ({
  part: `owner as materialized (
    select sub, epoch from stored_users where sub = any (${subs}) order by sub for share)`,
  condition: `(${epoch}::bigint is not distinct from (select epoch from owner where owner.sub = ${sub})
    or exists (select 1 from standing where kind = 'user' and id = ${sub} and stands = 1))`,
})
