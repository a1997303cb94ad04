/** Logs what an endpoint ignored of a request: the client gets what it asked for otherwise, and the operator can see why not that. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Ignored } from '@tessera/protocol/parameters'
import type { Client } from '../core/client.ts'
import type { Log } from '../core/runtime.ts'

export function logIgnored(
  log: Log,
  endpoint: string,
  request: HttpRequest,
  { client_id }: Client,
  ignored: readonly Ignored[],
): void {
  for (const one of ignored)
    log.info('parameter_ignored', { endpoint, request_id: request.id, client_id, ...one })
}
