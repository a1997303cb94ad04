/**
 * Opens the continuation that a page carries, and leads back to what waits for the user. A page that was open for more than an
 * hour starts again: the request is public and is validated again, and nothing that was done on its pages counts. If it can't
 * start again, an error page leads back to the client, if that is known.
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

type OpenContinuation = (
  request: HttpRequest,
  sealed: string | undefined,
) => Promise<Ok<Continuation> | NotOpened>

/** Responds by a redirect to the start, or by an error page. It is logged. */
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
 * @param restarted where the expired page was. Before the sign-in, the user signs in again, even if someone is signed in by now.
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
    const inspection = await continuations.inspect(sealed)
    const client =
      inspection?.client_id === undefined ? undefined : await ports.clients.find(inspection.client_id)
    const refusal = refuse('invalid_request', inspection ? 'continuation_expired' : 'continuation_invalid', {
      log: client && { client_id: client.client_id },
    })
    const again = inspection?.restarted
    return {
      ...refusal,
      async respond() {
        if (!again) return refusePage(request, refusal, client && backTo(client))
        logRefusal(log, endpoint, request, refusal)
        return redirectResponse(request, startOf({ ...again, restarted }))
      },
    }
  }

  /** Returns the address at which the request starts again. */
  function startOf(continuation: Continuation): string {
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

/** An error page does not lead to a client that anybody may have registered. */
const backTo = (client: Client) => {
  const href = client.initiate_login_uri ?? client.client_uri
  return href !== undefined && client.enabled && isVouchedFor(client) ? { client, back: href } : {}
}

/** Returns the address that leads back to what waits for the user. */
export type Resume = (continuation: Continuation) => string

export const createResume =
  ({ continuations, paths }: Pick<OpenContinuationPorts, 'continuations' | 'paths'>): Resume =>
  continuation => {
    switch (continuation.kind) {
      case 'authorization':
        return paths('/connect/authorize/callback', continuations.seal(continuation))
      case 'device':
        return paths('/device', continuations.seal(continuation))
      case 'account':
        return paths(continuation.refused === undefined ? continuation.to : '/')
    }
  }
