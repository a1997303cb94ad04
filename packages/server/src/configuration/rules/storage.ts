/** A replica of a store that has none. */

import type { Fault } from '../fault.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'

export const storageFaults = ({
  storage,
  storage_replica: replica,
}: Pick<ConfigurationDraft, 'storage' | 'storage_replica'>): readonly Fault[] =>
  replica === undefined || storage.startsWith('postgres')
    ? []
    : [
        {
          path: 'storage_replica',
          problem: 'only PostgreSQL has replicas that can be read',
          expected: 'none beside this storage',
          fix: 'leave it out, or name the primary, postgres://…, as the storage',
        },
      ]
