/**
 * A memory store that records the calls after a counted attempt, can fail at any of them, and knows which counts
 * remain.
 */

import type { Stores, TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'

export type FaultyTenantStores = {
  readonly tenantStores: TenantStores
  /** Records calls from the next count on; the one with this index fails. */
  readonly begin: (failing?: number) => void
  readonly calls: () => readonly string[]
  /** The highest net count of any counter since `begin`; undefined if nothing was counted. */
  readonly kept: () => number | undefined
}

type Call = (...values: readonly unknown[]) => unknown

export function createFaultyTenantStores(): FaultyTenantStores {
  const tenantStores = createMemoryTenantStores()
  const net = new Map<string, number>()
  let calls: string[] | undefined
  let failing = -1

  const wrapped =
    (name: string, call: Call): Call =>
    (...values) => {
      if (!calls) return call(...values)
      calls.push(name)
      return calls.length - 1 === failing
        ? Promise.reject(new StoreUnavailable('a planted outage'))
        : call(...values)
    }
  const wrapAll = (name: string, port: unknown): unknown => {
    if (typeof port === 'function') return wrapped(name, port as Call)
    if (typeof port !== 'object' || port === null) return port
    return Object.fromEntries(
      Object.entries(port).map(([key, value]) => [key, wrapAll(`${name}.${key}`, value)]),
    )
  }

  const { attempts, ...others } = tenantStores.main
  const ports = Object.fromEntries(Object.entries(others).map(([name, port]) => [name, wrapAll(name, port)]))
  const noted = (hashes: readonly string[], more: number): void => {
    for (const hash of hashes) net.set(hash, (net.get(hash) ?? 0) + more)
  }
  const counting: Stores['attempts'] = {
    ...attempts,
    async count(limits, at) {
      const wait = await attempts.count(limits, at)
      if (wait > 0) return wait
      const hashes = limits.map(({ hash }) => hash)
      noted(hashes, 1)
      calls ??= []
      return 0
    },
    async forgive(hashes) {
      noted(hashes, -1)
      return attempts.forgive(hashes)
    },
  }
  return {
    tenantStores: { ...tenantStores, main: { ...(ports as unknown as Stores), attempts: counting } },
    begin(index = -1) {
      net.clear()
      calls = undefined
      failing = index
    },
    calls: () => calls ?? [],
    kept: () => (net.size === 0 ? undefined : Math.max(...net.values())),
  }
}
