/** A database that records each statement before it sends it. */

import type { Value } from '../../../../packages/server/src/storage/postgres/codecs.ts'
import type { Database } from '../../../../packages/server/src/storage/postgres/database.ts'
import type { Run } from '../../../../packages/server/src/storage/postgres/statements.ts'

export type Sent = {
  readonly text: string
  readonly values: readonly Value[]
  /** Whether it is a complete transaction. */
  readonly alone: boolean
}

export function recording(database: Database, show: (sent: Sent) => Promise<void>): Database {
  const showing =
    (run: Run, alone: boolean): Run =>
    async (text, values) => {
      await show({ text, values, alone })
      return run(text, values)
    }
  return {
    ...database,
    run: showing(database.run, true),
    locked: (locks, work) => database.locked(locks, run => work(showing(run, false))),
  }
}
