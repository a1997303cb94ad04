/** Warns about clients that send Basic without form-encoding (RFC 6749 §2.3.1), which stricter servers reject. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { requestFields } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'

/** @param name the client_id, or the name of an API. */
export type WarnUnencodedBasic = (name: string, request: HttpRequest) => void

/** Time between two warnings about a client. */
const pause: Seconds = 3600
/** The maximum number of names to remember. Only those of authenticated clients are remembered. */
const most = 1000

export function createUnencodedBasicWarning({ clock, log }: { clock: Clock; log: Log }): WarnUnencodedBasic {
  const warned = new Map<string, Seconds>()

  return (name, request) => {
    const now = clock.now()
    const before = warned.get(name)
    if (before !== undefined && isRecent(before, pause, now)) return
    if (warned.size >= most) warned.clear()
    warned.set(name, now)
    log.warn('basic_not_form_encoded', { ...requestFields(request), client_id: name })
  }
}
