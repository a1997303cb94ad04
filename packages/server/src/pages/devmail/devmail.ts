/**
 * The development mailbox: shows emails that were not sent. Available only if the issuer is on loopback and mail is not
 * configured.
 */

import type { Endpoint, HttpRequest } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Mail } from '../../model/mail.ts'
import type { Log } from '../../runtime/ports.ts'
import { createPageRefuser } from '../flow/refused-page.ts'
import type { Pages } from '../ui/pages.ts'

type DevMailPorts = { readonly pages: Pages; readonly log: Log; readonly mails: () => readonly Mail[] }

/** `GET /dev/mail`. */
export function createDevMailEndpoint({ pages, log, mails }: DevMailPorts): Endpoint {
  const refusePage = createPageRefuser('devmail', { pages, log })
  return request => {
    if (!isReaderHere(request)) return refusePage(request, readerElsewhere)
    return isNameOfHere(request) ? pages.outbox(request, { mails: mails() }) : refusePage(request, otherName)
  }
}

/** The links give access to accounts, so the connection must come from this machine, regardless of its headers. */
const isReaderHere = ({ peer, headers }: HttpRequest): boolean =>
  isLoopbackAddress(peer.address) &&
  !cameByProxy(headers) &&
  // A proxy on this machine, such as a tunnel, may forward requests from elsewhere.
  (headers['x-forwarded-for'] ?? peer.address).split(',').every(address => isLoopbackAddress(address.trim()))

/** Detects tunnels and proxies that don't add `x-forwarded-for`, by other headers (RFC 7239 §4, RFC 9110 §7.6.3). */
const cameByProxy = (headers: HttpRequest['headers']): boolean =>
  [headers.forwarded, headers.via, headers['x-real-ip'], headers['x-forwarded-host']].some(
    value => value !== undefined,
  )

const isLoopbackAddress = (address: string): boolean => /^(::1|(::ffff:)?127(\.\d{1,3}){3})$/i.test(address)

/**
 * Prevents DNS rebinding: another site's name may resolve to this machine, and its pages could then read the responses.
 */
const isNameOfHere = ({ headers: { host } }: HttpRequest): boolean =>
  host === undefined || /^(([\w-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)

const readerElsewhere: Refusal = refuse('invalid_request', 'reader_not_on_loopback')
const otherName: Refusal = refuse('invalid_request', 'host_not_loopback')
