/** Some rows of a table, for a statement that changes them. */

/**
 * The condition that a row is one of those in `from`, a table of a `with` that holds their keys. The key's index is asked
 * for one after the other: a join would read all of the table where the plan was made while that was small.
 */
export function keyIn(key: string, from: string): string {
  const [first] = key.split(', ')
  const found = `${first} = any (array(select ${first} from ${from}))`
  return key === first ? found : `${found} and (${key}) in (select ${key} from ${from})`
}

/** Those whose time has come, the longest first. `$1` is now. */
export const dueRows = (
  table: string,
  {
    key,
    due,
    limit,
    where = 'true',
  }: { readonly key: string; readonly due: string; readonly limit: string; readonly where?: string },
): string => `select ${key} from ${table} where ${due} <= $1 and ${where} order by ${due} limit ${limit}`

/** Locks them, and passes over those that somebody else holds. */
export const skipLocked = 'for update skip locked'
