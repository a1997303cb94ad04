/** A separate process that opens a store and redeems what its parent names, thousands of times concurrently. */

import type { Use } from '../../../packages/server/src/model/ports/stores.ts'
import { openNamed } from './open.ts'
import { sampleCommit, tally } from './samples.ts'

export type Task = { readonly uses: readonly Use[]; readonly times: number }
export type Report = { readonly setting: string } | { readonly tallies: readonly Record<string, number>[] }

const stores = await openNamed()
const report = (message: Report) => process.send?.(message)

process.on('message', async ({ uses, times }: Task) => {
  const tallies = await Promise.all(
    uses.map(async use =>
      tally(await Promise.all(Array.from({ length: times }, () => stores.commit(sampleCommit({ use }))))),
    ),
  )
  await stores.close()
  report({ tallies })
  process.disconnect?.()
})

report({ setting: await stores.settings.initialise('first', String(process.pid)) })
