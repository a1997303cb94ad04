/**
 * Opens what a page carries. A page that was open for longer than its hour begins again: the request is public and is
 * validated anew, and nothing that was done on its pages counts. What can't begin again gets an error page that leads back
 * to the client, where it is known.
 */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Ok, ok, type Refusal, refuse } from '@tessera/protocol/result'
import { redirectResponse } from '../../messages/redirect.ts'
import { type Client, type Clients, isVouchedFor } from '../../model/client.ts'
import type { Log } from '../../runtime/ports.ts'
import type { Pages } from '../ui/pages.ts'
import type { Continuation, Continuations } from './continuation.ts'
import type { Paths } from './page-paths.ts'
import { createPageRefuser, logRefusal } from './refused-page.ts'

export type OpenContinuation = (
  request: HttpRequest,
  sealed: string | undefined,
) => Promise<Ok<Continuation> | NotOpened>

/** The response leads back, or says what happened. It is logged. */
export type NotOpened = Refusal & { readonly respond: () => Promise<HttpResponse> }

export type OpenContinuationPorts = {
  readonly continuations: Continuations
  readonly clients: Pick<Clients, 'find'>
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

/**
 * @param endpoint as the log names it.
 * @param restarted where the page that expired was: before the sign-in, it is asked for again, whoever is signed in by now.
 */
export function createContinuationOpener(
  endpoint: string,
  restarted: NonNullable<Continuation['restarted']>,
  ports: OpenContinuationPorts,
): OpenContinuation {
  const { continuations, paths, log } = ports
  const refusePage = createPageRefuser(endpoint, ports)

  return async (request, sealed) => {
    const continuation = await continuations.open(sealed)
    if (continuation) return ok(continuation)
    const look = await continuations.look(sealed)
    const client = look?.client_id === undefined ? undefined : await ports.clients.find(look.client_id)
    const log_ = client && { client_id: client.client_id }
    const refusal = refuse('invalid_request', look ? 'continuation_expired' : 'continuation_invalid', {
      ...(log_ && { log: log_ }),
    })
    const again = look?.restarted
    return {
      ...refusal,
      async respond() {
        if (!again) return refusePage(request, refusal, client && backTo(client))
        logRefusal(log, endpoint, request, refusal)
        return redirectResponse(request, beginning({ ...again, restarted }))
      },
    }
  }

  /** Where the request came from, as far as this server has it. */
  function beginning(continuation: Continuation): string {
    switch (continuation.kind) {
      case 'authorization':
        return paths('/connect/authorize/callback', continuations.seal(continuation))
      case 'device':
        return `${paths('/device')}?${new URLSearchParams({ user_code: continuation.user_code })}`
      case 'account':
        return paths(continuation.to)
    }
  }
}

/** A client that anybody may have registered is not led to from an error page. */
const backTo = (client: Client) => {
  const href = client.initiate_login_uri ?? client.client_uri
  return href !== undefined && client.enabled && isVouchedFor(client) ? { client, back: href } : {}
}
