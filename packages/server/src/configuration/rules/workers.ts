/** More processes than the store can serve. */

import type { Fault } from '../fault.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'

export const workerFaults = ({
  workers = 1,
  storage,
}: Pick<ConfigurationDraft, 'workers' | 'storage'>): readonly Fault[] =>
  workers === 1 || storage !== 'memory:'
    ? []
    : [
        {
          path: 'workers',
          problem: 'each process would have a memory of its own: none would know what another issued',
          expected: '1 where the storage is "memory:"',
          fix: 'write 1, or name a storage that processes share, such as "sqlite:./tessera.db"',
        },
      ]
