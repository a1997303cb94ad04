/**
 * The issuers of tenants. Each is activated by its first request and evicted after an hour without one, so that a
 * thousand tenants neither slow down startup nor use memory while they are idle.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { Load } from '../http/load.ts'
import { unavailable } from '../http/plain-error.ts'
import { serial, singleFlight } from '../runtime/async/promises.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import { isRecent } from '../runtime/recent.ts'
import type { Issuer } from './issuer.ts'

export type Tenants = {
  /** Responds to a request for a tenant's issuer; 503 if it can't be composed now. */
  readonly answer: (name: string, request: HttpRequest) => HttpResponse | Promise<HttpResponse>
  /** Returns the issuers that are active. */
  readonly active: () => readonly Issuer[]
  /** Evicts idle issuers. Activates each of the named issuers that is not active, for as long as its jobs take. */
  readonly runTenantJobs: (names: readonly string[], jobs: (issuer: Issuer) => Promise<void>) => Promise<void>
  readonly close: () => Promise<void>
}

type TenantPorts = {
  readonly configurations: Configuration['tenantIssuers']
  readonly compose: (configuration: Configuration) => Promise<Issuer>
  readonly load: Load
  readonly clock: Clock
  readonly log: Log
}

/** Eviction discards only caches. State that must survive, such as counted guesses, is in the store. */
const idle: Seconds = 3600

/** `asked_at` is undefined until the first request. */
type Active = { readonly issuer: Issuer; asked_at: Seconds | undefined }

export function createTenants({ configurations, compose, load, clock, log }: TenantPorts): Tenants {
  const active = new Map<string, Active>()
  let closed = false
  // One at a time: creating keys for many tenants at the same time would leave no thread for signing.
  const inOrder = serial()

  const activate = async (name: string): Promise<Active | undefined> => {
    const before = active.get(name)
    const configuration = configurations.get(name)
    if (before || !configuration || closed) return before
    try {
      const activated: Active = { issuer: await compose(configuration), asked_at: undefined }
      active.set(name, activated)
      return activated
    } catch (error) {
      log.error('tenant_start_failed', { tenant: name, error: String(error) })
      return undefined
    }
  }

  const evict = async (name: string, { issuer }: Active): Promise<void> => {
    active.delete(name)
    await issuer.close()
  }

  /** Requests that arrive during an activation share it. */
  const find = singleFlight((name: string) => inOrder(() => activate(name)))

  const use = (found: Active, request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    found.asked_at = clock.now()
    return found.issuer.handle(request)
  }

  const evictIdle = async (): Promise<void> => {
    for (const [name, { asked_at = 0 }] of active)
      await inOrder(async () => {
        const one = active.get(name)
        if (one && asked_at === one.asked_at && !isRecent(asked_at, idle, clock.now())) await evict(name, one)
      })
  }

  const runJobsOf = async (name: string, jobs: (issuer: Issuer) => Promise<void>): Promise<void> => {
    if (active.has(name)) return
    const activated = await activate(name)
    if (!activated) return
    try {
      await jobs(activated.issuer)
    } finally {
      // An issuer that received a request meanwhile stays active.
      if (activated.asked_at === undefined) await evict(name, activated)
    }
  }

  return {
    answer(name, request) {
      const found = active.get(name)
      if (found) return use(found, request)
      if (load.isFull()) return unavailable
      load.enter()
      return find(name).then(activated => {
        load.leave()
        return activated ? use(activated, request) : unavailable
      })
    },
    active: () => [...active.values()].map(({ issuer }) => issuer),
    async runTenantJobs(names, jobs) {
      await evictIdle()
      for (const name of names)
        await inOrder(() => runJobsOf(name, jobs)).catch(error =>
          log.error('tenant_jobs_failed', { tenant: name, error: String(error) }),
        )
    },
    async close() {
      closed = true
      await inOrder.settled()
      await Promise.all([...active.values()].map(({ issuer }) => issuer.close()))
    },
  }
}
