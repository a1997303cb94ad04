/** What all issuers rest on: time, randomness, the log, the storehouse, the master key's children and the way out. */

import type { Configuration } from '../configuration/configuration.ts'
import type { GenerateSigningKey } from '../keys/generation.ts'
import { unlock } from '../keys/master-key.ts'
import type { DerivedKeys } from '../model/keys.ts'
import type { SendMail } from '../model/mail.ts'
import type { Settings, Storehouse } from '../model/ports/stores.ts'
import { createChanges } from '../operations/changes.ts'
import { startTime } from '../operations/time.ts'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import type { Gathering } from '../runtime/metrics.ts'
import {
  type Changes,
  type Clock,
  type Log,
  type MachineTime,
  type Random,
  silentLog,
  type Time,
} from '../runtime/ports.ts'
import { createRandom } from '../runtime/random.ts'
import { importBegun } from '../storage/tables/archive.ts'

/** What an embedding application or a test may put in place. */
export type Surroundings = {
  readonly log?: Log
  /** Believed in place of the machine's and the store's clock. */
  readonly clock?: Clock
  /** The machine's clocks, where no `clock` is given. */
  readonly machine?: MachineTime
  readonly random?: Random
  /** Where signing keys come from: an RSA key costs as much time as a whole test. */
  readonly generateSigningKey?: GenerateSigningKey
  /** Stores that are open already; the caller closes them. */
  readonly storehouse?: Storehouse
  /** How requests are sent, where tests have no network. */
  readonly outbound?: Outbound
  /** Sends mail instead of what the configuration names. */
  readonly sendMail?: SendMail
  /** Where what a developer is to see is printed; nowhere unless given. */
  readonly print?: (text: string) => void
  /** Lines that the log could not write. */
  readonly droppedLines?: () => number
  /** How figures of other processes of this server are had, where there are any. */
  readonly gathering?: Gathering
}

/** What may be reached hangs on the configuration. */
export const outboundOf = (
  { outbound }: Pick<Configuration, 'outbound'>,
  given: Pick<Surroundings, 'outbound'>,
): Outbound => given.outbound ?? createOutbound(outbound)

export type Ground = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly storehouse: Storehouse
  readonly derived: DerivedKeys
  readonly changes: Changes
  readonly generateSigningKey?: GenerateSigningKey
  readonly outbound: Outbound
  readonly sendMail?: SendMail
  readonly print: (text: string) => void
  readonly clockFault: Time['fault']
  readonly close: () => Promise<void>
}

/** Opens the server's own store; throws where it or the master key does not fit. */
export async function layGround(
  { storage, masterKey, ...configuration }: Configuration,
  { random = createRandom(), log = silentLog, ...given }: Surroundings,
): Promise<Ground> {
  const storehouse = given.storehouse ?? (await openStorehouse(storage, log))
  const { settings } = storehouse.main
  await requireWhole(settings)
  const { clock, fault, stop } = await startTime(storehouse, { ...given, log })
  return {
    ...{ clock, random, log, storehouse, clockFault: fault },
    changes: createChanges({ settings, random, log }),
    ...(given.sendMail && { sendMail: given.sendMail }),
    ...(given.generateSigningKey && { generateSigningKey: given.generateSigningKey }),
    print: given.print ?? (() => {}),
    derived: await unlock({ configured: masterKey, storage, settings, log }),
    outbound: outboundOf(configuration, given),
    async close() {
      stop()
      if (!given.storehouse) await storehouse.close()
    },
  }
}

/** Throws while an import is unfinished: half of what was used up elsewhere would be forgotten here. */
async function requireWhole(settings: Settings): Promise<void> {
  if ((await settings.get(importBegun)) === undefined) return
  throw new Error(
    'an import into this database was begun and is not finished: run it again (docs/guides/backup.md)',
  )
}

/** Brings the server's own store to the schema of this version; rejects where it is ahead. */
export async function openStorehouse(storage: Configuration['storage'], log: Log): Promise<Storehouse> {
  if (storage.kind === 'memory')
    return (await import('../storage/memory/storehouse.ts')).createMemoryStorehouse()
  if (storage.kind === 'postgres') {
    const { openPostgresStorehouse } = await import('../storage/postgres/storehouse.ts')
    return openPostgresStorehouse({ ...storage, log })
  }
  return (await import('../storage/sqlite/storehouse.ts')).openSqliteStorehouse({ file: storage.file, log })
}
