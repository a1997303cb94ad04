/** Mail that went nowhere, for who develops: only where the issuer is on loopback and no mail is configured. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Mail } from '../../core/mail.ts'
import type { Pages } from '../../ui/pages.ts'

/** `GET /dev/mail`. */
export const createDevMailEndpoint =
  ({ pages, mails }: { pages: Pages; mails: () => readonly Mail[] }): Endpoint =>
  request =>
    pages.outbox(request, { mails: mails() })
