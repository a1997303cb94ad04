/** Adds traces to the context of a server, if they are configured. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { Router, RouterPorts } from '../http/router.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { ServerContext } from './server-context.ts'

type WithTracing = {
  /** The same context, with a log and stores that appear in traces. */
  readonly context: ServerContext
  readonly outbound: (outbound: Outbound) => Outbound
  readonly observe?: RouterPorts['observe']
  readonly handle: (router: Router) => Router
}

/** If traces are not configured, nothing is wrapped and their code is not loaded. */
export async function addTracing(
  { tracing: wanted, storage }: Configuration,
  context: ServerContext,
): Promise<WithTracing> {
  if (!wanted) return { context, outbound: outbound => outbound, handle: router => router }
  const { createTracing } = await import('../operations/tracing/tracing.ts')
  const tracing = createTracing({ database: storage.kind === 'postgres' ? 'postgresql' : storage.kind })
  const { tenantStores, log } = context
  return {
    context: {
      ...context,
      log: tracing.listen(log),
      tenantStores: {
        ...tenantStores,
        main: tracing.time(tenantStores.main),
        forTenant: async name => tracing.time(await tenantStores.forTenant(name)),
      },
    },
    outbound: tracing.outbound,
    observe: tracing.observeRequest,
    handle: router =>
      Object.assign((request: HttpRequest) => tracing.request(request, router), {
        early: router.early,
        present: router.present,
        serves: router.serves,
      }),
  }
}

/** Returns undefined if neither observes, so that the router measures nothing. */
export const observeBoth = (
  one: RouterPorts['observe'],
  other: RouterPorts['observe'],
): RouterPorts['observe'] =>
  one && other
    ? (...given) => {
        one(...given)
        other(...given)
      }
    : (one ?? other)
