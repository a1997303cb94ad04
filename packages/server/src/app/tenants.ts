/**
 * The issuers of tenants. Each is activated by its first request and evicted after an hour without one, so that a
 * thousand tenants neither slow down startup nor use memory while they are idle.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { Load } from '../http/load.ts'
import { unavailable } from '../http/plain-error.ts'
import { serial, settlesWithin, singleFlight } from '../runtime/async/promises.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import { isRecent } from '../runtime/recent.ts'
import type { Issuer } from './issuer.ts'

export type Tenants = {
  /** Responds to a request for a tenant's issuer; 503 if it can't be composed now. */
  readonly answer: (name: string, request: HttpRequest) => HttpResponse | Promise<HttpResponse>
  /** Returns the issuers that are active. */
  readonly active: () => readonly Issuer[]
  readonly evictIdle: () => Promise<void>
  /** Runs the jobs of an issuer unless it is active, and activates it for as long as they take. */
  readonly runTenantJobs: (name: string, jobs: (issuer: Issuer) => Promise<void>) => Promise<void>
  /** Resolves when no such jobs are running. */
  readonly jobsEnded: () => Promise<void>
  /** Retires the issuers that are active, and those that requests in progress activate. */
  readonly retire: () => void
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

/** Milliseconds. Longer than a submission server or an endpoint may take to respond. */
const deliveryLimit = 40_000

/** `asked_at` is undefined until the first request. */
type Active = { readonly issuer: Issuer; asked_at: Seconds | undefined }

export function createTenants({ configurations, compose, load, clock, log }: TenantPorts): Tenants {
  const active = new Map<string, Active>()
  let [retired, closed] = [false, false]
  // One at a time: creating keys for many tenants at the same time would leave no thread for signing.
  const inOrder = serial()

  /** @param asked_at set in the same tick, so that the issuer is not evicted before the request uses it. */
  const activate = async (name: string, asked_at?: Seconds): Promise<Active | undefined> => {
    const before = active.get(name)
    if (before) before.asked_at = asked_at
    const configuration = configurations.get(name)
    if (before || !configuration || closed) return before
    try {
      const activated: Active = { issuer: await compose(configuration), asked_at }
      active.set(name, activated)
      if (retired) activated.issuer.retire()
      return activated
    } catch (error) {
      log.error('tenant_start_failed', { tenant: name, error: String(error) })
      return undefined
    }
  }

  /** Evicted issuers that still deliver to slow receivers. Their tenants can be activated again meanwhile. */
  const closing = new Set<Promise<void>>()
  const evict = (name: string, { issuer }: Active): Promise<void> => {
    active.delete(name)
    const closed = issuer.close().finally(() => closing.delete(closed))
    closing.add(closed)
    return closed
  }

  /** Requests that arrive during an activation share it. */
  const find = singleFlight((name: string) => inOrder(() => activate(name, clock.now())))

  const use = (found: Active, request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    found.asked_at = clock.now()
    return found.issuer.handle(request)
  }

  const isIdle = ({ asked_at }: Active): boolean =>
    asked_at !== undefined && !isRecent(asked_at, idle, clock.now())

  /** The jobs run outside of the order, because requests for other tenants must not wait for slow receivers. */
  const runJobsOf = async (name: string, jobs: (issuer: Issuer) => Promise<void>): Promise<void> => {
    const activated = await inOrder(async () => (active.has(name) ? undefined : activate(name)))
    if (!activated) return
    try {
      await jobs(activated.issuer)
      // A mail that was sent, but isn't recorded as sent before its store closes, would be sent again.
      await settlesWithin(deliveryLimit, activated.issuer.settled())
    } finally {
      // An issuer that received a request meanwhile stays active.
      if (activated.asked_at === undefined && !closed) await evict(name, activated)
    }
  }

  const running = new Set<Promise<void>>()
  const logFailure =
    (tenant: string) =>
    (error: unknown): void => {
      // As the server stops, its stores close under a job that is still running.
      if (!closed) log.error('tenant_jobs_failed', { tenant, error: String(error) })
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
    async evictIdle() {
      for (const [name, one] of active) if (isIdle(one)) await evict(name, one).catch(logFailure(name))
    },
    runTenantJobs(name, jobs) {
      const run = runJobsOf(name, jobs)
        .catch(logFailure(name))
        .finally(() => running.delete(run))
      running.add(run)
      return run
    },
    async jobsEnded() {
      await Promise.all(running)
    },
    retire() {
      retired = true
      for (const { issuer } of active.values()) issuer.retire()
    },
    async close() {
      closed = true
      await inOrder.settled()
      await Promise.all([...closing, ...[...active.values()].map(({ issuer }) => issuer.close())])
    },
  }
}
