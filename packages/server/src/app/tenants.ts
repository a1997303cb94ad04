/**
 * The issuers of tenants: each is composed when the first request for it comes and put to sleep when none came for
 * long, so that a thousand cost neither a start nor the memory of those that nobody asks for.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { Load } from '../http/load.ts'
import { unavailable } from '../http/plain-error.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import type { Issuer } from './issuer.ts'

export type Tenants = {
  /** Answers a request for a tenant's issuer; 503 where it can't be composed now. */
  readonly answer: (name: string, request: HttpRequest) => HttpResponse | Promise<HttpResponse>
  /** Those that are awake. */
  readonly awake: () => readonly Issuer[]
  /** Puts to sleep whom nobody asked for, and wakes each of these that sleeps for as long as its chores take. */
  readonly tend: (names: readonly string[], chores: (issuer: Issuer) => Promise<void>) => Promise<void>
  readonly close: () => Promise<void>
}

export type TenantPorts = {
  readonly configurations: Configuration['tenantIssuers']
  readonly compose: (configuration: Configuration) => Promise<Issuer>
  readonly load: Load
  readonly clock: Clock
  readonly log: Log
}

/** Nothing that must be remembered is kept in memory (guesses are counted in the store): to sleep forgets only caches. */
const idle: Seconds = 3600

/** `asked_at` is undefined until somebody asks. */
type Awake = { readonly issuer: Issuer; asked_at: Seconds | undefined }

export function createTenants({ configurations, compose, load, clock, log }: TenantPorts): Tenants {
  const awake = new Map<string, Awake>()
  const coming = new Map<string, Promise<Awake | undefined>>()
  let closed = false
  // One at a time: new keys of many tenants at once would leave no thread to those who sign.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }

  const wake = async (name: string): Promise<Awake | undefined> => {
    const before = awake.get(name)
    const configuration = configurations.get(name)
    if (before || !configuration || closed) return before
    try {
      const woken: Awake = { issuer: await compose(configuration), asked_at: undefined }
      awake.set(name, woken)
      return woken
    } catch (error) {
      log.error('tenant_start_failed', { tenant: name, error: String(error) })
      return undefined
    }
  }

  const sleep = async (name: string, { issuer }: Awake): Promise<void> => {
    awake.delete(name)
    await issuer.close()
  }

  /** The same turn for all who ask while it is coming. */
  const find = (name: string): Promise<Awake | undefined> => {
    const before = coming.get(name)
    if (before) return before
    const turn = inTurn(() => wake(name)).finally(() => coming.delete(name))
    coming.set(name, turn)
    return turn
  }

  const use = (found: Awake, request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    found.asked_at = clock.now()
    return found.issuer.handle(request)
  }

  const restIdle = async (): Promise<void> => {
    for (const [name, { asked_at = 0 }] of awake)
      await inTurn(async () => {
        const one = awake.get(name)
        if (one && asked_at === one.asked_at && asked_at + idle <= clock.now()) await sleep(name, one)
      })
  }

  const visit = async (name: string, chores: (issuer: Issuer) => Promise<void>): Promise<void> => {
    if (awake.has(name)) return
    const woken = await wake(name)
    if (!woken) return
    try {
      await chores(woken.issuer)
    } finally {
      // Whoever was asked for meanwhile stays awake.
      if (woken.asked_at === undefined) await sleep(name, woken)
    }
  }

  return {
    answer(name, request) {
      const found = awake.get(name)
      if (found) return use(found, request)
      if (load.isFull()) return unavailable
      load.enter()
      return find(name).then(woken => {
        load.leave()
        return woken ? use(woken, request) : unavailable
      })
    },
    awake: () => [...awake.values()].map(({ issuer }) => issuer),
    async tend(names, chores) {
      await restIdle()
      for (const name of names)
        await inTurn(() => visit(name, chores)).catch(error =>
          log.error('tenant_chores_failed', { tenant: name, error: String(error) }),
        )
    },
    async close() {
      closed = true
      await last
      await Promise.all([...awake.values()].map(({ issuer }) => issuer.close()))
    },
  }
}
