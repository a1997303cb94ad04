/** Mail that went nowhere, for who develops: only where the issuer is on loopback and no mail is configured. */

import type { Endpoint } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Mail } from '../../core/mail.ts'
import type { Log } from '../../core/runtime.ts'
import { createPageRefuser } from '../../interaction/refused-page.ts'
import type { Pages } from '../../ui/pages.ts'

export type DevMailPorts = { readonly pages: Pages; readonly log: Log; readonly mails: () => readonly Mail[] }

/** `GET /dev/mail`. */
export function createDevMailEndpoint({ pages, log, mails }: DevMailPorts): Endpoint {
  const refusePage = createPageRefuser('devmail', { pages, log })
  // A page of another site may give its name this machine's address and read what it is answered: the links let people in.
  return request =>
    isHere(request.headers.host) ? pages.outbox(request, { mails: mails() }) : refusePage(request, elsewhere)
}

const isHere = (host: string | undefined): boolean =>
  host === undefined || /^(([\w-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)

const elsewhere: Refusal = refuse('invalid_request', 'host_not_loopback')
