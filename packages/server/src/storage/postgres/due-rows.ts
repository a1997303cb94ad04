/** Selects rows of a table for a statement that changes them. */

/**
 * Returns the condition that a row's key is in `from`, a part of a `with` that contains keys. It looks up each key by
 * its index, while a join would read the whole table if the plan was made while the table was small.
 */
export function keyIn(key: string, from: string): string {
  const [first] = key.split(', ')
  const found = `${first} = any (array(select ${first} from ${from}))`
  return key === first ? found : `${found} and (${key}) in (select ${key} from ${from})`
}

/** Returns a query for rows that are due at `$1`, the longest overdue first. */
export const dueRows = (
  table: string,
  {
    key,
    due,
    limit,
    where = 'true',
  }: { readonly key: string; readonly due: string; readonly limit: string; readonly where?: string },
): string => `select ${key} from ${table} where ${due} <= $1 and ${where} order by ${due} limit ${limit}`

/** Locks the rows, and skips rows that another transaction has locked. */
export const skipLocked = 'for update skip locked'
