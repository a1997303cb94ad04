/**
 * Decides whether an error may redirect the browser (RFC 9700 §4.11.2). With open registration, anyone could otherwise
 * create links to this server that redirect users to any site.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import type { ResponseTarget } from '../../authorization-request/authorization-request.ts'
import { isTrusted } from '../../model/client.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { BrowserSessions } from '../../pages/flow/browser-session.ts'

type TrustedTargetPorts = {
  readonly sessions: Pick<BrowserSessions, 'read'>
  readonly stores: {
    readonly consents: Pick<Stores['consents'], 'find'>
    readonly sessions: Pick<Stores['sessions'], 'clients'>
  }
}

/**
 * Returns whether the error may redirect to the client: the operator trusts the client, the user knows it, or no user
 * sees the redirect.
 * @param prompt the request's parameter as sent.
 */
export async function mayRedirect(
  request: HttpRequest,
  { client }: ResponseTarget,
  prompt: string | undefined,
  { sessions, stores }: TrustedTargetPorts,
): Promise<boolean> {
  if (isTrusted(client) || isSilent(prompt) || isEmbedded(request)) return true
  const session = await sessions.read(request)
  if (!session) return false
  const { client_id } = client
  if (await stores.consents.find(session.sub, client_id)) return true
  return (await stores.sessions.clients(session.sid)).includes(client_id)
}

/** Such requests never show a page, so the response always goes to the client (OpenID Connect Core 1.0 §3.1.2.6). */
const isSilent = (prompt: string | undefined): boolean => prompt?.split(' ').includes('none') ?? false

/** Returns whether the browser indicates that the response is not shown as a top-level page (Fetch Metadata §2.1). */
const isEmbedded = ({ headers }: HttpRequest): boolean => {
  const destination = headers['sec-fetch-dest']
  return destination !== undefined && destination !== 'document'
}
