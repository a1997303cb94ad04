/** Logs the ignored parts of a request, so that the operator can see why they had no effect. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Ignored } from '@tessera/protocol/parameters'
import type { Client } from '../model/client.ts'
import { requestFields } from '../runtime/network.ts'
import type { Log } from '../runtime/ports.ts'

/** Strangers can trigger these log lines, so their number and length are limited. */
const maxLines = 4
const maxScopeTextLength = 200

/** Logs scopes that were ignored for the same reason in one line. */
export function logIgnoredParameters(
  log: Log,
  endpoint: string,
  request: HttpRequest,
  { client_id }: Client,
  ignored: readonly Ignored[],
): void {
  const groups = [...Map.groupBy(ignored, ({ parameter, reason }) => `${parameter} ${reason}`).values()]
  for (const [index, group] of groups.slice(0, maxLines).entries()) {
    const { parameter, reason } = group[0]!
    const scopes = group.flatMap(({ scope }) => scope ?? [])
    const left = index === maxLines - 1 ? groups.length - maxLines : 0
    log.info('parameter_ignored', {
      endpoint,
      ...requestFields(request),
      client_id,
      parameter,
      reason,
      ...(scopes.length > 0 && { scope: scopes.join(' ').slice(0, maxScopeTextLength) }),
      ...(scopes.length > 1 && { scopes: scopes.length }),
      ...(left > 0 && { more: left }),
    })
  }
}
