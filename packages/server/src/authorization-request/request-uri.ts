/** `request_uri`: a request object that lies at an address (RFC 9101 §5.2, OpenID Connect Core 1.0 §6.2). */

import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { type Client, isVouchedFor } from '../model/client.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { createSlots } from '../outbound/slots.ts'

export type RequestUriPorts = {
  readonly outbound: Outbound
  /** Whether an address need not be registered. */
  readonly allowUnregisteredUris: boolean
}

/** Media types that a JWT may have; a page or a document has others. */
const mediaTypes: ReadonlySet<string | undefined> = new Set([
  undefined,
  'application/oauth-authz-req+jwt',
  'application/jwt',
  'application/jose',
  'application/octet-stream',
  'text/plain',
])

/**
 * Refuses `invalid_request_uri`: an address that the client did not register, or that answers no request object;
 * `temporarily_unavailable` while too many wait.
 */
export type FetchRequestObject = (uri: string, client: Client) => Promise<Result<string>>

/** However many ask at once, an address is asked once: anybody may send a browser here, and nobody shall flood others by it. */
export function createRequestObjectFetcher({
  outbound,
  allowUnregisteredUris,
}: RequestUriPorts): FetchRequestObject {
  const underWay = new Map<string, Promise<Result<string>>>()
  const takeSlot = createSlots(maxWaiting)
  return async (uri, client) => {
    const isRegistered = client.request_uris.includes(uri)
    if (!allowUnregisteredUris && !isRegistered) return invalid('request_uri_not_registered')
    // Anybody may name another address in a request of a client that others vouched for.
    const trusted = isRegistered && isVouchedFor(client)
    const giveBack = takeSlot({ client_id: slotOwner(client, isRegistered), url: uri, trusted })
    if (!giveBack) return tooMany
    const address = withoutFragment(uri)
    const asking =
      underWay.get(address) ?? ask(address, !trusted, outbound).finally(() => underWay.delete(address))
    underWay.set(address, asking)
    return asking.finally(giveBack)
  }
}

/** Unregistered addresses use up none of the places that the client has for its own. */
const slotOwner = ({ client_id }: Client, isRegistered: boolean): string =>
  isRegistered ? client_id : `${client_id}, unregistered`

/** Any client may name an address, so that less is read than of an object that is sent. */
const maxBytes = 16_384

/** Requests that wait for an answer from outside at once. */
const maxWaiting = 200

const tooMany = refuse('temporarily_unavailable', 'request_uris_too_many_waiting', {
  description: 'Too many requests by request_uri',
})

async function ask(address: string, stranger: boolean, outbound: Outbound): Promise<Result<string>> {
  const answer = await outbound(address, {
    headers: { accept: 'application/oauth-authz-req+jwt, application/jwt' },
    maxBytes: maxBytes,
    stranger,
  })
  if (!answer.ok)
    return invalid('request_uri_not_fetched', { outbound: answer.reason, detail: answer.detail })
  if (answer.status !== 200) return invalid('request_uri_not_fetched', { status: answer.status })
  const type = answer.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  return mediaTypes.has(type) ? ok(answer.body.trim()) : invalid('request_uri_media_type_wrong', { type })
}

/** OpenID Connect Core 1.0 §6.2: a fragment may say which version of the object is meant; it is not sent. */
const withoutFragment = (uri: string): string => uri.split('#', 1)[0] ?? ''

const invalid = (reason: string, log?: Readonly<Record<string, unknown>>): Refusal =>
  refuse('invalid_request_uri', reason, { description: 'Invalid request_uri', ...(log && { log }) })
