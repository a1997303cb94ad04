/**
 * Opens the continuation in a page's form or URL, and redirects to the pending request. A page that was open for more
 * than an hour restarts: the request, which is not secret, is validated again, and all progress on its pages is
 * discarded. If it can't restart, an error page links to the client, if it is known.
 */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Ok, ok, type Refusal, refuse } from '@tessera/protocol/result'
import { redirectResponse } from '../../messages/redirect.ts'
import { type Client, type Clients, isTrusted } from '../../model/client.ts'
import type { Log } from '../../runtime/ports.ts'
import type { Pages } from '../ui/pages.ts'
import type { Continuation, Continuations } from './continuation.ts'
import type { Paths } from './page-paths.ts'
import { createPageRefuser, logRefusal } from './refused-page.ts'

type OpenContinuation = (
  request: HttpRequest,
  sealed: string | undefined,
) => Promise<Ok<Continuation> | NotOpened>

/** `respond` redirects to the start or returns an error page, and logs the refusal. */
export type NotOpened = Refusal & { readonly respond: () => Promise<HttpResponse> }

export type OpenContinuationPorts = {
  readonly continuations: Continuations
  readonly clients: Pick<Clients, 'find'>
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

/**
 * @param endpoint its name in the log. @param restarted where the expired page was. If it was before the sign-in, the
 * user must sign in, even if someone is signed in now.
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
      inspection?.client_id === undefined
        ? undefined
        : await ports.clients.find(inspection.client_id, 'if_reachable')
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

  /** Returns the URL at which the request restarts. */
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

/** An error page does not link to a client that anyone may have registered. */
const backTo = (client: Client) => {
  const href = client.initiate_login_uri ?? client.client_uri
  return href !== undefined && client.enabled && isTrusted(client) ? { client, back: href } : {}
}

/** Returns the URL at which the pending request continues. */
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
