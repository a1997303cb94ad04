/** The configuration snapshot that is served now, and its replacement: requests in progress finish with the old one. */

import type { Configuration } from '../configuration/configuration.ts'
import { serial } from '../runtime/async/promises.ts'
import type { Log } from '../runtime/ports.ts'
import type { Snapshot } from './snapshot.ts'

type Snapshots = {
  readonly current: () => Snapshot
  /** Replaces the current snapshot. Rejects, and changes nothing, if this configuration can't be composed. */
  readonly replace: (configuration: Configuration) => Promise<void>
  /** Replaces it by one of the same configuration, because stored entries have changed. */
  readonly renew: () => Promise<void>
  readonly close: () => Promise<void>
}

type SnapshotsPorts = {
  /** @param before the configuration that is served until then. */
  readonly compose: (configuration: Configuration, before?: Configuration) => Promise<Snapshot>
  readonly log: Log
}

export async function createSnapshots(first: Configuration, ports: SnapshotsPorts): Promise<Snapshots> {
  const { compose, log } = ports
  let current = await compose(first)
  /** Replaced snapshots with requests in progress. */
  const retiring = new Set<Snapshot>()
  // One at a time, so that an earlier configuration can't replace a later one.
  const inOrder = serial()

  const retire = async (snapshot: Snapshot): Promise<void> => {
    retiring.add(snapshot)
    // Otherwise each of them would renew the current snapshot at every change.
    snapshot.retire()
    try {
      await snapshot.unused()
      await snapshot.close()
    } catch (error) {
      log.error('configuration_not_retired', { error: String(error) })
    } finally {
      retiring.delete(snapshot)
    }
  }

  return {
    current: () => current,
    replace: configuration =>
      inOrder(async () => {
        const before = current
        current = await compose(configuration, before.server.configuration)
        void retire(before)
      }),
    renew: () =>
      inOrder(async () => {
        const before = current
        current = await compose(before.configuration, before.server.configuration)
        void retire(before)
      }),
    async close() {
      await inOrder.settled()
      await Promise.all([current, ...retiring].map(snapshot => snapshot.close()))
    },
  }
}
