/** Reads pages of rows, some of which may be omitted. */

import type { Awaitable } from '../../runtime/ports.ts'

type Rows = readonly (readonly unknown[])[]

/**
 * Reads on after rows that `decode` omitted, because callers take a page with fewer than `limit` items for the last one.
 * @param read returns up to `limit` rows after this one; undefined: the first rows.
 */
export async function fullPage<Item>(
  limit: number,
  read: (last: readonly unknown[] | undefined) => Awaitable<Rows>,
  decode: (rows: Rows) => readonly Item[],
): Promise<readonly Item[]> {
  const items: Item[] = []
  let last: readonly unknown[] | undefined
  do {
    const rows = await read(last)
    items.push(...decode(rows))
    last = rows.length < limit ? undefined : rows.at(-1)
  } while (last && items.length < limit)
  return items.slice(0, limit)
}
