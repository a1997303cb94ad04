/**
 * Who stands, as the store has it for all nodes. The configuration that was applied last decides, at whichever node: a
 * node whose file is an older one lets go of whom that took out.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { ConfiguredPrincipals, DisabledPrincipals, Principals } from '../model/ports/stores.ts'
import { serial } from '../runtime/async/promises.ts'
import type { Changes, Log } from '../runtime/ports.ts'

export type PrincipalWatch = {
  readonly isDisabledClient: (clientId: string) => boolean
  readonly isDisabledUser: (sub: string) => boolean
  /** Writes who stands, where that is told, and from then on knows what others write. */
  readonly begin: (configured?: ConfiguredPrincipals) => Promise<void>
  readonly stop: () => void
}

export type PrincipalPorts = {
  readonly principals: Principals
  /** Where the store can't tell by itself. */
  readonly changes: Changes
}

/** How often a node looks where it was not told (seconds): an announcement may be lost. */
const interval: Seconds = 60

export function createPrincipalWatch({
  log,
  ...ports
}: PrincipalPorts & { readonly log: Log }): PrincipalWatch {
  const { principals, changes } = ports
  let disabled: DisabledPrincipals = { clients: new Set(), users: new Set() }
  // An older reading must not replace a newer one.
  const inOrder = serial()
  let unwatch = (): void => {}
  let timer: NodeJS.Timeout | undefined

  const read = (): Promise<void> =>
    inOrder(async () => {
      disabled = await principals.disabled()
    })
  const look = (): void => {
    read().catch(error => log.error('standing_refresh_failed', { error: String(error) }))
  }

  return {
    isDisabledClient: clientId => disabled.clients.has(clientId),
    isDisabledUser: sub => disabled.users.has(sub),
    async begin(configured) {
      unwatch = principals.watch ? principals.watch(look) : changes.watch(look)
      timer = setInterval(look, interval * 1000).unref()
      if (configured) await writePrincipals(configured, ports)
      await read()
    },
    stop() {
      clearInterval(timer)
      unwatch()
    },
  }
}

/** Writes it, and tells the other processes. */
export async function writePrincipals(
  configured: ConfiguredPrincipals,
  { principals, changes }: PrincipalPorts,
): Promise<void> {
  const changed = await principals.sync(configured)
  if (changed && !principals.watch) await changes.announce()
}
