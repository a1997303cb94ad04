/** The edition that is asked now, and how another takes its place: at once, while what is under way is finished by the one before it. */

import type { Configuration } from '../configuration/configuration.ts'
import type { Log } from '../runtime/ports.ts'
import type { Edition } from './snapshot.ts'

export type Editions = {
  readonly current: () => Edition
  /** Puts an edition of this configuration in the place of the one before it; rejects, and changes nothing, where it can't be composed. */
  readonly replace: (configuration: Configuration) => Promise<void>
  readonly close: () => Promise<void>
}

export type EditionsPorts = {
  /** @param before what is served until then. */
  readonly compose: (configuration: Configuration, before?: Configuration) => Promise<Edition>
  readonly log: Log
}

export async function createEditions(first: Configuration, ports: EditionsPorts): Promise<Editions> {
  const { compose, log } = ports
  let current = await compose(first)
  /** Those that are still asked for something. */
  const retiring = new Set<Edition>()
  // One at a time: an earlier configuration never replaces a later one.
  let last: Promise<unknown> = Promise.resolve()

  const retire = async (edition: Edition): Promise<void> => {
    retiring.add(edition)
    try {
      await edition.unused()
      await edition.close()
    } catch (error) {
      log.error('configuration_not_retired', { error: String(error) })
    } finally {
      retiring.delete(edition)
    }
  }

  return {
    current: () => current,
    replace(configuration) {
      const turn = last.then(async () => {
        const before = current
        current = await compose(configuration, before.configuration)
        void retire(before)
      })
      last = turn.catch(() => {})
      return turn
    },
    async close() {
      await last
      await Promise.all([current, ...retiring].map(edition => edition.close()))
    },
  }
}
