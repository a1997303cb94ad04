/** Where a server keeps things, as `storage` names it. */

import { resolve } from 'node:path'
import type { Storage, StorageConnections } from './configuration.ts'

/** @param directory what a relative file is relative to. */
export function storageOf(storage: string, directory: string, connections: StorageConnections = {}): Storage {
  if (storage === 'memory:') return { kind: 'memory' }
  if (storage.startsWith('sqlite:'))
    return { kind: 'sqlite', file: resolve(directory, storage.slice('sqlite:'.length)) }
  return { kind: 'postgres', url: storage, ...connections }
}
