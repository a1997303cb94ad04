/** One server in memory, from its start or its last reset to the next. */

import { type Composed, composeTessera } from '../app/tessera.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { type GenerateSigningKey, generateSigningKey } from '../keys/signing-key.ts'
import type { SendMail } from '../model/mail.ts'
import type { Keys } from '../model/ports/stores.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Argon2Cost } from '../runtime/password-hash/argon2.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import { createMemoryStores, createMemoryTenantStores } from '../storage/memory/stores.ts'
import { emptyTables, type Tables } from '../storage/memory/tables.ts'

export type Running = Composed & {
  /** The rows of the server's own issuer, so that a test can let one expire. */
  readonly tables: Tables
  /** Lets keys that are added while `work` runs sign immediately, instead of after their announcement. */
  readonly signingAtOnce: <Value>(work: () => Promise<Value>) => Promise<Value>
}

type RunningPorts = {
  readonly clock: Clock
  readonly log: Log
  readonly outbound: Outbound
  readonly sendMail: SendMail
  readonly generateSigningKey: GenerateSigningKey
}

/** Passwords of tests protect nothing, and the cost of real ones would be most of the time of a sign-in. */
export const testPasswordCost: Argon2Cost = { memoryCost: 64, timeCost: 1, parallelism: 1 }

/** There are no background jobs: work that is due is done when the clock is moved. */
export async function startRunning(configuration: Configuration, ports: RunningPorts): Promise<Running> {
  const tables = emptyTables()
  const stores = createMemoryStores(tables)
  const { keys, signingAtOnce } = createUrgentKeys(stores.keys, ports.clock)
  const tenantStores = { ...createMemoryTenantStores(), main: { ...stores, keys } }
  const composed = await composeTessera(
    configuration,
    { ...ports, tenantStores, jobs: false },
    { passwordCost: testPasswordCost },
  )
  return { ...composed, tables, signingAtOnce }
}

function createUrgentKeys(
  keys: Keys,
  clock: Clock,
): { readonly keys: Keys } & Pick<Running, 'signingAtOnce'> {
  let urgent = false
  return {
    keys: {
      ...keys,
      add: (key, newestSeen) => keys.add(urgent ? { ...key, active_from: clock.now() } : key, newestSeen),
    },
    async signingAtOnce(work) {
      urgent = true
      try {
        return await work()
      } finally {
        urgent = false
      }
    },
  }
}

/**
 * Returns a generator that gives each server of a test server the same keys in the same order, so that clients that
 * cached them before a reset still trust them.
 */
export function createKeySequence(): { readonly next: () => GenerateSigningKey } {
  const made = new Map<string, ReturnType<GenerateSigningKey>[]>()
  return {
    next() {
      const used = new Map<string, number>()
      return alg => {
        const keys = made.get(alg) ?? []
        made.set(alg, keys)
        const index = used.get(alg) ?? 0
        used.set(alg, index + 1)
        keys[index] ??= generateSigningKey(alg)
        return keys[index]
      }
    },
  }
}
