/** The process that runs the commands of `shared-process.ts`. */

import { write } from 'node:fs'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { run } from '../../packages/server/src/cli/program.ts'
import type { Order, Reply } from './shared-process.ts'

// Each command adds listeners that a process of its own would need only once.
process.setMaxListeners(0)
process.stdout.setMaxListeners(0)
process.stderr.setMaxListeners(0)

process.on('message', async ({ words, input, marker }: Order) => {
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(input)]), configurable: true })
  const code = await run(words)
  // The log queues its lines until the end of the tick.
  await setImmediate()
  await setImmediate()
  for (const fd of [1, 2]) await promisify(write)(fd, Buffer.from(marker))
  process.send?.({ code } satisfies Reply)
})
