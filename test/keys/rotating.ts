/** A process that rotates the master key of a configuration, and stops at the step that its parent names. */

import { rotateMasterKeyOf } from '../../packages/server/src/app/master-key-rotation.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'

process.on('message', async ({ input, environment, until }: Record<string, any>) => {
  const parsed = parseConfiguration(input, { environment })
  if (!parsed.ok) throw new Error('the configuration is invalid')
  let ahead = 0
  let step = 0
  await rotateMasterKeyOf(
    parsed.configuration,
    {
      finish: true,
      report() {
        if (step++ !== until) return
        process.send?.('there')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      },
    },
    {
      log: silentLog,
      clock: { now: () => Math.floor(Date.now() / 1000) + ahead },
      async sleep(seconds) {
        ahead += seconds
      },
    },
  )
})
process.send?.('up')
