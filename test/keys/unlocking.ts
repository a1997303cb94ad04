/** A process that finds or makes the master key beside the file that it is told, and answers with what it derives. */

import { createDerivedKeys, resolveMasterKey } from '../../packages/server/src/keys/master-key.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'

process.on('message', (file: string) => {
  try {
    const key = resolveMasterKey({
      configured: undefined,
      storage: { kind: 'sqlite', file },
      begun: false,
      log: silentLog,
    })
    process.send?.(Buffer.from(createDerivedKeys(key).derive('test')).toString('hex'))
  } catch (error) {
    process.send?.(String(error))
  }
})
process.send?.('up')
