/** Warns about clients that send Basic without form-encoding (RFC 6749 §2.3.1), which stricter servers reject. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { requestFields } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'

/** @param name the client_id, or the name of an API. */
export type WarnUnencodedBasic = (name: string, request: HttpRequest) => void

/** Time between two warnings about a client. */
const pause: Seconds = 3600
/** The maximum number of names to remember. Only those of authenticated clients are remembered. */
const most = 1000

export function createUnencodedBasicWarning({ clock, log }: { clock: Clock; log: Log }): WarnUnencodedBasic {
  const quietUntil = new Map<string, Seconds>()

  return (name, request) => {
    const now = clock.now()
    if ((quietUntil.get(name) ?? 0) > now) return
    if (quietUntil.size >= most) quietUntil.clear()
    quietUntil.set(name, now + pause)
    log.warn('basic_not_form_encoded', { ...requestFields(request), client_id: name })
  }
}
