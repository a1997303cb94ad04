/**
 * Who stands, as the store has it for all nodes. The configuration that was applied last decides, at whichever node: a
 * node whose file is an older one lets go of whom that took out.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { ConfiguredStanding, Fallen, Standing } from '../model/ports/stores.ts'
import type { Changes, Log } from '../runtime/ports.ts'

export type StandingWatch = {
  readonly hasFallenClient: (clientId: string) => boolean
  readonly hasFallenUser: (sub: string) => boolean
  /** Writes who stands, where that is told, and from then on knows what others write. */
  readonly begin: (configured?: ConfiguredStanding) => Promise<void>
  readonly stop: () => void
}

export type StandingPorts = {
  readonly standing: Standing
  /** Where the store can't tell by itself. */
  readonly changes: Changes
}

/** How often a node looks where it was not told (seconds): an announcement may be lost. */
const interval: Seconds = 60

export function createStandingWatch({ log, ...ports }: StandingPorts & { readonly log: Log }): StandingWatch {
  const { standing, changes } = ports
  let fallen: Fallen = { clients: new Set(), users: new Set() }
  let reading: Promise<void> = Promise.resolve()
  let unwatch = (): void => {}
  let timer: NodeJS.Timeout | undefined

  /** One after the other: an older reading never replaces a newer one. */
  const read = (): Promise<void> => {
    const turn = reading.then(async () => {
      fallen = await standing.fallen()
    })
    reading = turn.catch(() => {})
    return turn
  }
  const look = (): void => {
    read().catch(error => log.error('standing_refresh_failed', { error: String(error) }))
  }

  return {
    hasFallenClient: clientId => fallen.clients.has(clientId),
    hasFallenUser: sub => fallen.users.has(sub),
    async begin(configured) {
      unwatch = standing.watch ? standing.watch(look) : changes.watch(look)
      timer = setInterval(look, interval * 1000).unref()
      if (configured) await writeStanding(configured, ports)
      await read()
    },
    stop() {
      clearInterval(timer)
      unwatch()
    },
  }
}

/** Writes it, and tells the other processes. */
export async function writeStanding(
  configured: ConfiguredStanding,
  { standing, changes }: StandingPorts,
): Promise<void> {
  const changed = await standing.sync(configured)
  if (changed && !standing.watch) await changes.announce()
}
