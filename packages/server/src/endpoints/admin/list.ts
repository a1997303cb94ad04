/** Pages of lists, in the order of their ids. */

import * as s from '../../configuration/validation/kinds.ts'
import type { Awaitable } from '../../runtime/ports.ts'
import type { Cursors } from './cursor.ts'
import type { Call, Reply } from './operation.ts'
import { type Problem, problem } from './problem.ts'

const most = 100
const usual = 50
/** Rows that one request reads. A filter may match few of them. */
const mostRead = 2000
const batch = 500

/** A cursor contains an id, and those of clients have up to 1024 characters. */
const longestCursor = 2000

export const pageParameters = {
  limit: {
    schema: s.int().min(1).max(most),
    description: `The maximum number of entries. Default: ${usual}. A page can contain fewer, although more follow.`,
  },
  cursor: {
    schema: s.string().min(1).max(longestCursor),
    description: 'next_cursor of the page before, with the same filters.',
  },
}

type Listed<Row> = {
  /** All entries that are in memory. */
  readonly own: readonly Row[]
  /** Returns entries of the store in the order of their ids. */
  readonly stored: (page: { readonly after?: string; readonly limit: number }) => Awaitable<readonly Row[]>
  readonly idOf: (row: Row) => string
  readonly fits: (row: Row) => boolean
  readonly show: (row: Row) => object
}

/** Replies with a page: the entries in memory and those of the store, each once, and a cursor if more may follow. */
export async function replyWithPage<Row>(
  { query, operation }: Call,
  cursors: Cursors,
  { own, stored, idOf, fits, show }: Listed<Row>,
): Promise<Reply | Problem> {
  const { limit = usual, cursor, ...filters } = query as { limit?: number; cursor?: string }
  const list = JSON.stringify([operation, filters])
  let after = cursor === undefined ? undefined : cursors.read(list, cursor)
  if (cursor !== undefined && after === undefined)
    return problem('admin_cursor_invalid', 'send next_cursor of the page before, with the same filters')
  const items: Row[] = []
  const ids = new Set(own.map(idOf))
  for (let read = 0; items.length < limit && read < mostRead; read += batch) {
    const rows = await stored({ limit: batch, ...(after !== undefined && { after }) })
    const last = rows.length < batch ? undefined : idOf(rows.at(-1)!)
    const within = own.filter(row => isAfter(idOf(row), after) && (last === undefined || idOf(row) <= last))
    const merged = [...within, ...rows.filter(row => !ids.has(idOf(row)))].sort((one, other) =>
      idOf(one) < idOf(other) ? -1 : 1,
    )
    for (const row of merged) {
      if (items.length === limit) return pageOf(items)
      if (fits(row)) items.push(row)
      after = idOf(row)
    }
    if (last === undefined) return { ok: true, status: 200, body: { items: items.map(show) } }
    after = last
  }
  return pageOf(items)

  function pageOf(rows: readonly Row[]): Reply {
    return {
      ok: true,
      status: 200,
      body: { items: rows.map(show), next_cursor: cursors.write(list, after ?? '') },
    }
  }
}

const isAfter = (id: string, after: string | undefined): boolean => after === undefined || id > after
