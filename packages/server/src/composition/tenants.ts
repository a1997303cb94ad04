/** The issuers of tenants: each is composed when the first request for it comes, so that a thousand cost a start nothing. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { Log } from '../core/runtime.ts'
import type { Load } from '../http/load.ts'
import { unavailable } from '../http/plain-error.ts'
import type { Issuer } from './issuer.ts'

export type Tenants = {
  /** Answers a request for a tenant's issuer; 503 where it can't be composed now. */
  readonly answer: (name: string, request: HttpRequest) => HttpResponse | Promise<HttpResponse>
  /** Those that were asked for. */
  readonly composed: () => readonly Issuer[]
  readonly close: () => Promise<void>
}

export type TenantPorts = {
  readonly configurations: Configuration['tenantIssuers']
  readonly compose: (configuration: Configuration) => Promise<Issuer>
  readonly load: Load
  readonly log: Log
}

export function createTenants({ configurations, compose, load, log }: TenantPorts): Tenants {
  const issuers = new Map<string, Issuer>()
  const coming = new Map<string, Promise<Issuer | undefined>>()
  // One at a time: new keys of many tenants at once would leave no thread to those who sign.
  let last: Promise<unknown> = Promise.resolve()

  const begin = async (name: string): Promise<Issuer | undefined> => {
    const configuration = configurations.get(name)
    if (!configuration) return undefined
    try {
      const issuer = await compose(configuration)
      issuers.set(name, issuer)
      log.info('tenant_started', { tenant: name, issuer: configuration.issuer })
      return issuer
    } catch (error) {
      log.error('tenant_start_failed', { tenant: name, error: String(error) })
      return undefined
    } finally {
      coming.delete(name)
    }
  }

  const find = (name: string): Promise<Issuer | undefined> => {
    const before = coming.get(name)
    if (before) return before
    const turn = last.then(() => begin(name))
    last = turn
    coming.set(name, turn)
    return turn
  }

  return {
    answer(name, request) {
      const issuer = issuers.get(name)
      if (issuer) return issuer.handle(request)
      if (load.isFull()) return unavailable
      load.enter()
      return find(name).then(found => {
        load.leave()
        return found ? found.handle(request) : unavailable
      })
    },
    composed: () => [...issuers.values()],
    async close() {
      await last
      await Promise.all([...issuers.values()].map(issuer => issuer.close()))
    },
  }
}
