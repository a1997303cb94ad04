/** Whether a user is enabled, by the user's principals: conditions for both databases. */

import type { Principal } from '../../model/ports/stores.ts'

/** The kinds of principals that decide about a user, in the order of their locks. */
export const userKinds = ['inactive_user', 'stored_user', 'user'] as const

/**
 * Returns the rows of kind `inactive_user`: see `PrincipalKind`. They are written before those of kind `user`, so that a
 * user who becomes inactive is not taken for one who was removed from the file.
 */
export const inactiveOf = (users: readonly Principal[]): readonly Principal[] =>
  users.filter(({ enabled }) => !enabled).map(({ id }) => ({ id, enabled: true }))

const statusOf = (kind: (typeof userKinds)[number], sub: string, rows: string): string =>
  `(select stands from ${rows} where kind = '${kind}' and id = ${sub})`

/**
 * Returns the SQL of whether a user is enabled, 1 or 0. A user of the file takes precedence over a stored one
 * with the same `sub`. The row that an earlier file left behind disables the user only if no stored user has the `sub`. A
 * user without a row is an external user, who was never known here.
 * @param sub a parameter or column.
 * @param rows the table with the principals, or a part of the statement that selects them.
 */
export function userStatus(sub: string, rows = 'standing'): string {
  const stored = statusOf('stored_user', sub, rows)
  return `coalesce(
      (select case when stands = 1 or ${statusOf('inactive_user', sub, rows)} = 1
          then stands else coalesce(${stored}, stands) end
        from ${rows} where kind = 'user' and id = ${sub}),
      ${stored}, 1)`
}

/**
 * Returns the SQL of whether a user is enabled who was found elsewhere: see `Commit.external`. Rows of users who are no
 * longer in the file or in the store don't count. @param sub a parameter or column.
 */
export const externalUserStatus = (sub: string): string =>
  `case when ${statusOf('inactive_user', sub, 'standing')} = 1
        or exists (select 1 from stored_users where sub = ${sub}) then 0 else 1 end`
