/** Replaces the master key of the configured stores, while servers may be running, for the command line. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Configuration } from '../configuration/configuration.ts'
import { type MasterKeyRotated, type RotationPorts, rotateMasterKey } from '../keys/master-key-rotation.ts'
import { derivedFor } from '../keys/root-keys.ts'
import { logFromEnvironment } from '../operations/log.ts'
import { createAudit } from './audit.ts'
import { recordCommand } from './audit-command.ts'
import { createServerContext, type Overrides } from './server-context.ts'

const day = 86_400
/** Longer than any value without its own lifetime: mails, links, device codes, pushed requests. */
const leastGrace: Seconds = 30 * day

type RotationOptions = {
  readonly finish: boolean
  readonly report: (step: string) => void
}

/** Rejects if the store accepts neither master key, or another rotation is unfinished. Can be run again at any time. */
export async function rotateMasterKeyOf(
  configuration: Configuration,
  { finish, report }: RotationOptions,
  { sleep = pause, ...overrides }: Overrides & { readonly sleep?: RotationPorts['sleep'] } = {},
): Promise<MasterKeyRotated> {
  const context = await createServerContext(configuration, { log: logFromEnvironment(), ...overrides })
  const { tenantStores, unlocked, derived, clock, log } = context
  const { secretPaths } = configuration.entries
  const eachStore: RotationPorts['eachStore'] = async work => {
    await work(tenantStores.main, derived, undefined)
    for (const name of await tenantStores.list()) {
      const stores = await tenantStores.forTenant(name)
      try {
        await work(stores, derivedFor(derived, name), name)
      } finally {
        await stores.close()
      }
    }
  }
  const { settings } = tenantStores.main
  try {
    await recordCommand(createAudit(configuration, { ...context, stores: tenantStores.main }))
    const grace = await graceOf(configuration, eachStore)
    return await rotateMasterKey(
      { ...unlocked, settings, clock, log, sleep, report, grace, eachStore, secretPaths },
      { finish },
    )
  } finally {
    await context.close()
  }
}

const pause = (seconds: Seconds): Promise<void> => new Promise(resolve => setTimeout(resolve, seconds * 1000))

/**
 * Resolves to the longest lifetime of refresh tokens and sessions of any issuer, and a day for clocks that differ. A
 * refresh token counts as long as it is valid without being used: each use returns one of the current root key.
 */
async function graceOf(
  configuration: Configuration,
  eachStore: RotationPorts['eachStore'],
): Promise<Seconds> {
  const issuers = [configuration, ...configuration.tenantIssuers.values()]
  const lifetimes = issuers.flatMap(({ clients, registration, sessions: { lifetimes: session } }) => [
    session.absolute,
    session.kept ?? 0,
    ...[...clients.all(), registration.defaults].flatMap(refreshLifetimesOf),
  ])
  await eachStore(async ({ entries }) => {
    for (let after: string | undefined, more = true; more; ) {
      const page = await entries.list('clients', { after, limit: 100 })
      lifetimes.push(...page.flatMap(({ entry }) => refreshLifetimesOf(entry)))
      after = page.at(-1)?.id
      more = page.length > 0
    }
  })
  return Math.max(leastGrace, ...lifetimes) + day
}

const refreshLifetimesOf = (client: object): readonly Seconds[] =>
  Object.entries(client).flatMap(([name, value]) =>
    lifetimeNames.has(name) && typeof value === 'number' ? [value] : [],
  )

const lifetimeNames: ReadonlySet<string> = new Set([
  'absolute_refresh_token_lifetime',
  'sliding_refresh_token_lifetime',
])
