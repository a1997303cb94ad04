/** A process that loads or creates the master key beside the given file, and prints what it derives. */

import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { findMasterKey } from '../../packages/server/src/keys/unconfigured-master-key.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'

process.on('message', (file: string) => {
  try {
    const key = findMasterKey({
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
