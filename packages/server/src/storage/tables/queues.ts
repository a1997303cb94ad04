/** Lists the tables of rows that wait to be sent. */

import type { Seconds } from '@tessera/protocol/brand'
import { allTables, type TableName } from './tables.ts'

const hour = 3600

/**
 * The seconds that a row waits at most until it is due: more than the longest delay between two attempts. A row that waits
 * longer was written by a clock that was ahead.
 */
const longestWaits: Readonly<Partial<Record<TableName, Seconds>>> = {
  waitingMails: 2 * hour,
  logoutNotices: 13 * hour,
  webhookMessages: 30 * hour,
}

type Queue = {
  readonly name: TableName
  readonly table: string
  /** The columns of its key, separated by commas. */
  readonly key: string
  readonly longestWait: Seconds
}

export const queues: readonly Queue[] = allTables.flatMap(([name, { name: table, key }]) => {
  const longestWait = longestWaits[name]
  return longestWait === undefined ? [] : [{ name, table, key: key.join(', '), longestWait }]
})
