/** Takes the plans of all frequent calls to a store, on tables with rows. */

import { createChanges } from '../../../../packages/server/src/storage/postgres/changes.ts'
import { openPool } from '../../../../packages/server/src/storage/postgres/database.ts'
import { mainSchema } from '../../../../packages/server/src/storage/postgres/names.ts'
import { createPostgresStores } from '../../../../packages/server/src/storage/postgres/stores.ts'
import { connected } from './connection.ts'
import { type Explained, explain } from './explain.ts'
import { livingKey } from './fill.ts'
import { hotWork } from './hot-work.ts'
import { recording } from './recording.ts'

export type WorkPlans = {
  readonly name: string
  /** Of each statement that no earlier call has sent. */
  readonly statements: readonly Explained[]
}

/** @param url The address of a database with filled tables. */
export async function takePlans(url: string): Promise<readonly WorkPlans[]> {
  const pool = openPool({ url })
  try {
    return await connected(url, async client => {
      const seen = new Set<string>()
      let explained: Explained[] = []
      const database = recording(pool.of(mainSchema), async sent => {
        if (seen.has(sent.text)) return
        seen.add(sent.text)
        explained.push(await explain(client, sent))
      })
      const stores = createPostgresStores(database, {
        changes: createChanges({ url }),
        close: async () => {},
      })
      const plans: WorkPlans[] = []
      for (const [index, { name, ask }] of hotWork.entries()) {
        await ask(stores, livingKey(index))
        plans.push({ name, statements: explained })
        explained = []
      }
      return plans
    })
  } finally {
    await pool.close()
  }
}
