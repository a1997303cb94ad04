/** The context that all issuers of a server share: time, randomness, the log, the stores, keys derived from the master key, and outbound requests. */

import type { Configuration } from '../configuration/configuration.ts'
import { type Unlocked, unlock } from '../keys/master-key.ts'
import { type RootKeyWatch, watchRootKeys } from '../keys/root-key-watch.ts'
import type { GenerateSigningKey } from '../keys/signing-key.ts'
import type { DerivedKeys } from '../model/keys.ts'
import type { SendMail } from '../model/mail.ts'
import {
  type ConfiguredMasterKey,
  checkedMasterKeyService,
  type MasterKeyService,
  masterKeyServiceProblem,
} from '../model/master-key.ts'
import type { Settings, TenantStores } from '../model/ports/stores.ts'
import { createChanges } from '../operations/changes.ts'
import { startTime } from '../operations/time.ts'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { closingOnFailure } from '../runtime/async/opened.ts'
import type { MetricsExchange } from '../runtime/metrics.ts'
import { type Argon2Cost, defaultCost } from '../runtime/password-hash/argon2.ts'
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

export type TenantJobOptions = {
  /** Whether to run the jobs of inactive tenants too. False if another process does. */
  readonly inactive: boolean
}

/** Parts that an embedding application or a test may replace. */
export type Overrides = {
  /**
   * The background jobs: clean-up, delivery of mail, logout tokens and webhooks, and the jobs of tenants. Default: true.
   * False if another process on this store runs them.
   */
  readonly jobs?: boolean | TenantJobOptions
  readonly log?: Log | undefined
  /** Used instead of the machine's and the store's clock. */
  readonly clock?: Clock
  /** The machine's clocks, used if `clock` is omitted. */
  readonly machine?: MachineTime
  readonly random?: Random
  /** Creates signing keys. Tests replace it because generating an RSA key is slow. */
  readonly generateSigningKey?: GenerateSigningKey
  /** Stores that are already open; the caller closes them. */
  readonly tenantStores?: TenantStores
  /** Sends requests, for tests without a network. */
  readonly outbound?: Outbound
  /** A master key in a key service, instead of the configured one. See docs/guides/key-services.md. */
  readonly masterKey?: MasterKeyService
  /** The master key before, while it is replaced. */
  readonly masterKeyPrevious?: MasterKeyService
  /** Sends mail, instead of the configured transport. */
  readonly sendMail?: SendMail
  /** Prints text for a developer. Default: nothing is printed. */
  readonly print?: (text: string) => void
  /** Returns the number of lines that the log could not write. */
  readonly droppedLines?: (() => number) | undefined
  /** Collects the metrics of the other processes of this server, if there are any. */
  readonly metricsExchange?: MetricsExchange | undefined
}

/** Parts that only tests of this package replace, so `createTessera` does not take them. */
export type TestOverrides = {
  /** The cost of new password hashes, which are slow by design. Default: `defaultCost`. */
  readonly passwordCost?: Argon2Cost
}

/** Returns a client for outbound requests to the addresses that this configuration allows. */
export const outboundOf = (
  { outbound }: Pick<Configuration, 'outbound'>,
  given: Pick<Overrides, 'outbound'>,
): Outbound => given.outbound ?? createOutbound(outbound)

export type ServerContext = {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly tenantStores: TenantStores
  readonly derived: DerivedKeys
  /** The master keys, and the root keys that they open. */
  readonly unlocked: Unlocked
  readonly rootKeyFault: RootKeyWatch['fault']
  readonly changes: Changes
  readonly generateSigningKey?: GenerateSigningKey | undefined
  readonly outbound: Outbound
  readonly sendMail?: SendMail | undefined
  readonly print: (text: string) => void
  readonly passwordCost: Argon2Cost
  readonly clockFault: Time['fault']
  /** Composes all issuers again with the current configuration, because stored entries have changed. */
  readonly recompose?: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Opens the server's own store. Throws if it can't be opened or the master key does not match it. */
export const createServerContext = (
  { storage, ...configuration }: Configuration,
  { random = createRandom(), log = silentLog, ...given }: Omit<Overrides, 'jobs'>,
  { passwordCost = defaultCost }: TestOverrides = {},
): Promise<ServerContext> =>
  closingOnFailure(async opened => {
    const masterKeys = masterKeysOf(configuration, given)
    const tenantStores = given.tenantStores ?? (await openTenantStores(storage, log))
    if (!given.tenantStores) opened.add(tenantStores.close)
    const { settings } = tenantStores.main
    await requireCompleteImport(settings)
    const { clock, fault, stop } = await startTime(tenantStores, { ...given, log })
    opened.add(stop)
    const unlocked = await unlock({ ...masterKeys, storage, settings, clock, log })
    const rootKeys = watchRootKeys({ ...unlocked, settings, clock, log })
    opened.add(rootKeys.stop)
    return {
      clock,
      random,
      log,
      tenantStores,
      derived: unlocked.rootKeys.derived,
      unlocked,
      rootKeyFault: rootKeys.fault,
      changes: createChanges({ settings, random, log }),
      generateSigningKey: given.generateSigningKey,
      outbound: outboundOf(configuration, given),
      sendMail: given.sendMail,
      print: given.print ?? (() => {}),
      passwordCost,
      clockFault: fault,
      close: opened.close,
    }
  })

/** Returns the master keys of an application, or else those of the configuration. */
function masterKeysOf(
  {
    masterKey,
    previousMasterKey,
    hookTimeout,
  }: Pick<Configuration, 'masterKey' | 'previousMasterKey' | 'hookTimeout'>,
  given: Pick<Overrides, 'masterKey' | 'masterKeyPrevious'>,
): {
  readonly configured: ConfiguredMasterKey | undefined
  readonly previous: ConfiguredMasterKey | undefined
} {
  const serviceOf = (place: 'masterKey' | 'masterKeyPrevious'): ConfiguredMasterKey | undefined => {
    const service = given[place]
    if (service === undefined) return undefined
    const problem = masterKeyServiceProblem(service)
    if (problem !== undefined)
      throw new TypeError(`createTessera: ${place}: ${problem}; expected { id, wrap, unwrap }`)
    return { kind: 'service', from: place, service: checkedMasterKeyService(place, service, hookTimeout) }
  }
  return {
    configured: serviceOf('masterKey') ?? masterKey,
    previous: serviceOf('masterKeyPrevious') ?? previousMasterKey,
  }
}

/**
 * Throws while an import is incomplete, because one-time values that were used at the source would be accepted here.
 */
async function requireCompleteImport(settings: Settings): Promise<void> {
  if ((await settings.get(importBegun)) === undefined) return
  throw new Error('an import into this database is incomplete: run it again (docs/guides/backup.md)')
}

/** Migrates the server's own store to the schema of this version. Rejects if the schema is of a newer version. */
export async function openTenantStores(storage: Configuration['storage'], log: Log): Promise<TenantStores> {
  if (storage.kind === 'memory')
    return (await import('../storage/memory/stores.ts')).createMemoryTenantStores()
  if (storage.kind === 'postgres') {
    const { openPostgresTenantStores } = await import('../storage/postgres/stores.ts')
    return openPostgresTenantStores({ ...storage, log })
  }
  return (await import('../storage/sqlite/stores.ts')).openSqliteTenantStores({
    file: storage.file,
    log,
  })
}
