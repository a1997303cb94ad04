/** `request_uri`: fetches a request object (RFC 9101 §5.2, OpenID Connect Core 1.0 §6.2). */

import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { type Client, isTrusted } from '../model/client.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { createSlots } from '../outbound/slots.ts'
import { singleFlight } from '../runtime/async/promises.ts'
import { createBackOff } from '../runtime/back-off.ts'
import { setBounded } from '../runtime/bounded-map.ts'
import { networkPath } from '../runtime/network.ts'
import type { Clock } from '../runtime/ports.ts'

export type RequestUriPorts = {
  readonly outbound: Outbound
  readonly clock: Clock
  /** Whether clients may use URLs that they did not register. */
  readonly allowUnregisteredUris: boolean
}

/** Media types that servers use for JWTs; web pages and documents have others. */
const mediaTypes: ReadonlySet<string | undefined> = new Set([
  undefined,
  'application/oauth-authz-req+jwt',
  'application/jwt',
  'application/jose',
  'application/octet-stream',
  'text/plain',
])

/**
 * Fetches a request object. Refuses `invalid_request_uri` if the URL is not registered or returns no request object,
 * and `temporarily_unavailable` if too many requests wait, or this network named URLs of the host that return none.
 * @param from the network of the request.
 */
type FetchRequestObject = (uri: string, client: Client, from: string) => Promise<Result<string>>

/**
 * Creates the fetcher. It fetches a URL only once at a time, and asks hosts without request objects less often after each
 * failure, because anyone could use this server to flood others.
 */
export function createRequestObjectFetcher({
  outbound,
  clock,
  allowUnregisteredUris,
}: RequestUriPorts): FetchRequestObject {
  const backOff = createBackOff(clock)
  /** URLs that returned a request object. Other URLs of their hosts do not pause them. */
  const useful = new Map<string, true>()
  const askOnce = singleFlight((address: string, stranger: boolean) => ask(address, stranger, outbound))
  const takeSlot = createSlots(maxWaiting)
  return async (uri, client, from) => {
    const isRegistered = client.request_uris.includes(uri)
    if (!allowUnregisteredUris && !isRegistered) return invalid('request_uri_not_registered')
    // Anyone can put an unregistered URL in a request of a trusted client.
    const trusted = isRegistered && isTrusted(client)
    const address = withoutFragment(uri)
    const paused = trusted || useful.has(address) ? address : placeOf(address, from)
    const wait = backOff.waitFor(paused)
    if (wait > 0) return { ...tooMany, retry_after: wait }
    const giveBack = takeSlot({ client_id: slotOwner(client, isRegistered), url: uri, trusted })
    if (!giveBack) return tooMany
    // Others that wait for the same response have sent nothing.
    const isSender = askOnce.current(address) === undefined
    const fetched = await askOnce(address, !trusted).finally(giveBack)
    if (fetched.ok && isCompact(fetched.value)) setBounded(useful, address, true, capacity)
    else if (isSender) backOff.failed(paused)
    return fetched
  }
}

/** By network, so that strangers elsewhere do not delay the clients of a host; the widest one, which may be one customer. */
const placeOf = (address: string, from: string): string =>
  JSON.stringify([networkPath(from)[0], URL.parse(address)?.hostname])

/** Whether the text has the form of a signed or encrypted JWT (RFC 7515 §7.1, RFC 7516 §7.1). */
const isCompact = (text: string): boolean => /^[\w-]+(?:\.[\w-]*){2}(?:(?:\.[\w-]*){2})?$/.test(text)

/** URLs in memory. Beyond it, the oldest is dropped. */
const capacity = 1000

/** Unregistered URLs don't use the client's own slots. */
const slotOwner = ({ client_id }: Client, isRegistered: boolean): string =>
  isRegistered ? client_id : `${client_id}, unregistered`

/** Lower than for objects by value, because any client may name a URL. */
const maxBytes = 16_384

/** Requests that may wait for responses of other servers at the same time. */
const maxWaiting = 200

const tooMany = refuse('temporarily_unavailable', 'request_uris_too_many_waiting', {
  description: 'Too many requests with request_uri; try again',
})

async function ask(address: string, stranger: boolean, outbound: Outbound): Promise<Result<string>> {
  const response = await outbound(address, {
    headers: { accept: 'application/oauth-authz-req+jwt, application/jwt' },
    maxBytes: maxBytes,
    stranger,
  })
  if (!response.ok)
    return invalid('request_uri_not_fetched', { outbound: response.reason, detail: response.detail })
  if (response.status !== 200) return invalid('request_uri_not_fetched', { status: response.status })
  const type = response.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  return mediaTypes.has(type) ? ok(response.body.trim()) : invalid('request_uri_media_type_wrong', { type })
}

/** Removes the fragment, which only identifies the version of the object (OpenID Connect Core 1.0 §6.2). */
const withoutFragment = (uri: string): string => uri.split('#', 1)[0] ?? ''

const invalid = (reason: string, log?: Readonly<Record<string, unknown>>): Refusal =>
  refuse('invalid_request_uri', reason, { description: 'Invalid request_uri', log })
