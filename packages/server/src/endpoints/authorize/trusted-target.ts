/**
 * Whether an error may redirect the browser (RFC 9700 §4.11.2): anybody can register a client where registration is open,
 * and would else have addresses of this server that lead users anywhere, before they have seen a page of ours.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import type { ResponseTarget } from '../../authorization-request/authorization-request.ts'
import { isVouchedFor } from '../../model/client.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { BrowserSessions } from '../../pages/flow/browser-session.ts'

export type TrustedTargetPorts = {
  readonly sessions: Pick<BrowserSessions, 'read'>
  readonly stores: {
    readonly consents: Pick<Stores['consents'], 'find'>
    readonly sessions: Pick<Stores['sessions'], 'clients'>
  }
}

/** @param prompt the request's parameter, as it was sent. */
export async function mayRedirect(
  request: HttpRequest,
  { client }: ResponseTarget,
  prompt: string | undefined,
  { sessions, stores }: TrustedTargetPorts,
): Promise<boolean> {
  if (isVouchedFor(client) || isSilent(prompt) || isEmbedded(request)) return true
  const session = await sessions.read(request)
  if (!session) return false
  const { client_id } = client
  if (await stores.consents.find(session.sub, client_id)) return true
  return (await stores.sessions.clients(session.sid)).includes(client_id)
}

/** OpenID Connect Core 1.0 §3.1.2.6: such a request gets no page, so that its answer always goes to the client. */
const isSilent = (prompt: string | undefined): boolean => prompt?.split(' ').includes('none') ?? false

/** Fetch Metadata §2.1: whether the browser says that the user does not see the response as a page of its own. */
const isEmbedded = ({ headers }: HttpRequest): boolean => {
  const destination = headers['sec-fetch-dest']
  return destination !== undefined && destination !== 'document'
}
