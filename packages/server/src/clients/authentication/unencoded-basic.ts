/** Tells the operator which clients send Basic without form-encoding (RFC 6749 §2.3.1): it works until another server is stricter. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { Clock, Log } from '../../runtime/ports.ts'

/** @param name the client_id, or the name of an API. */
export type WarnUnencodedBasic = (name: string, request: HttpRequest) => void

/** Between two log lines about one client. */
const pause: Seconds = 3600
/** Names that are remembered: only those that authenticated. */
const most = 1000

export function createUnencodedBasicWarning({ clock, log }: { clock: Clock; log: Log }): WarnUnencodedBasic {
  const quietUntil = new Map<string, Seconds>()

  return (name, { id: request_id }) => {
    const now = clock.now()
    if ((quietUntil.get(name) ?? 0) > now) return
    if (quietUntil.size >= most) quietUntil.clear()
    quietUntil.set(name, now + pause)
    log.warn('basic_not_form_encoded', { request_id, client_id: name })
  }
}
