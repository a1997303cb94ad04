/**
 * Tracks clients and users that the most recently applied configuration disabled. A node that still runs an older file
 * treats them as disabled too.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { ConfiguredPrincipals, DisabledPrincipals, Principals } from '../model/ports/stores.ts'
import { serial } from '../runtime/async/promises.ts'
import type { Changes, Log } from '../runtime/ports.ts'

export type PrincipalWatch = {
  readonly isDisabledClient: (clientId: string) => boolean
  readonly isDisabledUser: (sub: string) => boolean
  /** Writes the configured principals, if any are given, and starts to follow changes by other nodes. */
  readonly begin: (configured?: ConfiguredPrincipals) => Promise<void>
  readonly stop: () => void
}

type PrincipalPorts = {
  readonly principals: Principals
  /** Notifies other processes, if the store does not. */
  readonly changes: Changes
}

/** Seconds between two readings without a notification, which may be lost. */
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
  const refresh = (): void => {
    read().catch(error => log.error('principals_refresh_failed', { error: String(error) }))
  }

  return {
    isDisabledClient: clientId => disabled.clients.has(clientId),
    isDisabledUser: sub => disabled.users.has(sub),
    async begin(configured) {
      unwatch = principals.watch ? principals.watch(refresh) : changes.watch(refresh)
      timer = setInterval(refresh, interval * 1000).unref()
      if (configured) await writePrincipals(configured, ports)
      await read()
    },
    stop() {
      clearInterval(timer)
      unwatch()
    },
  }
}

/** Writes the configured principals, and notifies the other processes of a change. */
export async function writePrincipals(
  configured: ConfiguredPrincipals,
  { principals, changes }: PrincipalPorts,
): Promise<void> {
  const changed = await principals.sync(configured)
  if (changed && !principals.watch) await changes.announce()
}
