/**
 * Sends all requests to URLs that others supply (RFC 9700 §4.11.2, OWASP SSRF): over https, to a resolved address that
 * is checked and pinned, with limits on size, time and redirects. Private addresses must be configured, and only they
 * may be reached over http.
 */

import { type AddressRule, createAddressRule } from './addresses.ts'
import { addressesOf, pinned, publicResolve, type Resolve, systemResolve, withoutBrackets } from './hosts.ts'

export type OutboundRequest = {
  /** Default: `GET`. */
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Maximum bytes of the response's body. Default: 256 KiB. */
  readonly maxBytes?: number
  /** Whether only the status and headers matter. The body is not read, and is empty in the result. */
  readonly ignoreBody?: boolean
  /** Milliseconds for the whole exchange, including redirects. Default: 5000. */
  readonly timeoutMs?: number
  /** How many redirects are followed, each checked again. Default: 0, so that a redirect is the response. */
  readonly maxRedirects?: number
  /**
   * Whether the URL may come from anyone. Its host name is then resolved without the thread pool, which a slow name
   * server could block.
   */
  readonly stranger?: boolean
}

type OutboundAnswer = {
  readonly ok: true
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Decoded as UTF-8. */
  readonly body: string
}

/** Why there is no response, for the log: a stable reason and details. It reveals nothing about our network. */
export type OutboundFailure = {
  readonly ok: false
  readonly reason:
    | 'outbound_url_malformed'
    | 'outbound_not_https'
    | 'outbound_address_private'
    | 'outbound_name_unknown'
    | 'outbound_too_large'
    | 'outbound_timeout'
    | 'outbound_failed'
  readonly detail?: string
}

export type Outbound = (
  url: string | URL,
  request?: OutboundRequest,
) => Promise<OutboundAnswer | OutboundFailure>

export type OutboundOptions = {
  /** Private addresses or ranges that requests may go to. */
  readonly allowedPrivateNetworks?: readonly string[]
  /** Default: the system's resolver. */
  readonly resolve?: Resolve
  /**
   * Resolves host names that may come from anyone. Default: `resolve` if it is given, otherwise a resolver without
   * threads.
   */
  readonly resolveStranger?: Resolve
}

const maxUrlLength = 2048

export function createOutbound({
  allowedPrivateNetworks = [],
  resolve,
  resolveStranger = resolve ?? publicResolve,
}: OutboundOptions = {}): Outbound {
  const rule = createAddressRule(allowedPrivateNetworks)

  return async (url, request = {}) => {
    const { timeoutMs = 5000, maxRedirects = 0, stranger = false } = request
    const resolveName = stranger ? resolveStranger : (resolve ?? systemResolve)
    const signal = AbortSignal.timeout(timeoutMs)
    let next = new URL('about:blank')
    let asked = request
    for (let hops = 0; ; hops++) {
      const target = await targetOf(hops === 0 ? url : next, rule, resolveName, signal)
      if (!target.ok) return target
      const answer = await send(target, asked, signal)
      const location = answer.ok && answer.status >= 300 && answer.status < 400 && answer.headers.location
      if (!location || hops >= maxRedirects || !URL.canParse(location, target.url)) return answer
      next = new URL(location, target.url)
      // Headers for one origin are not sent to another (Fetch Standard §4.4).
      if (next.origin !== target.url.origin) asked = { ...asked, headers: {} }
    }
  }
}

type Target = { readonly ok: true; readonly url: URL; readonly addresses: readonly string[] }

/** Finds the addresses for a request. All addresses of the name must be permitted, and the request goes to one of them. */
async function targetOf(
  text: string | URL,
  rule: AddressRule,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<Target | OutboundFailure> {
  const url = URL.canParse(String(text)) ? new URL(text) : undefined
  const web = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (!url || !web || url.username !== '' || url.password !== '' || url.href.length > maxUrlLength) {
    return failure('outbound_url_malformed')
  }
  const host = withoutBrackets(url.hostname)
  const addresses = await addressesOf(host, resolve, signal)
  if (typeof addresses === 'string') return failure(addresses, host)
  const kinds = addresses.map(rule.kindOf)
  if (kinds.includes(undefined)) return failure('outbound_address_private', host)
  if (url.protocol === 'http:' && kinds.includes('public')) return failure('outbound_not_https', host)
  return { ok: true, url, addresses }
}

async function send(
  { url, addresses }: Target,
  { method = 'GET', headers = {}, body, maxBytes = 262_144, ignoreBody = false }: OutboundRequest,
  signal: AbortSignal,
): Promise<OutboundAnswer | OutboundFailure> {
  // Loaded on first use, because few servers need them.
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  return new Promise(done => {
    const outgoing = request(url, {
      method,
      signal,
      // No connection is reused: each goes to an address that was checked for this request.
      agent: false,
      headers: {
        'user-agent': 'tessera',
        ...headers,
        'accept-encoding': 'identity',
        ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
      },
      lookup: pinned(addresses),
    })
    const failWith = (detail: string): void =>
      done(failure(signal.aborted ? 'outbound_timeout' : 'outbound_failed', detail))
    const fail = (error: Error & { code?: string }): void => failWith(error.code ?? error.name)
    let responds = false
    outgoing.on('error', fail)
    // Node closes the connection without an error if the server switches protocols (101).
    outgoing.once('close', () => {
      if (!responds) failWith('no response')
    })
    outgoing.once('response', incoming => {
      responds = true
      const answer = (body: string): void =>
        done({
          ok: true,
          status: incoming.statusCode ?? 0,
          headers: singleHeaders(incoming.headers),
          body,
        })
      if (ignoreBody) {
        answer('')
        outgoing.destroy()
        return
      }
      const chunks: Uint8Array[] = []
      let size = 0
      incoming.on('data', (chunk: Uint8Array) => {
        size += chunk.length
        if (size <= maxBytes) return void chunks.push(chunk)
        done(failure('outbound_too_large', url.host))
        outgoing.destroy()
      })
      incoming.on('error', fail)
      incoming.once('end', () => answer(Buffer.concat(chunks, size).toString('utf8')))
    })
    outgoing.end(body)
  })
}

const singleHeaders = (headers: NodeJS.Dict<string | string[]>): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]))

const failure = (reason: OutboundFailure['reason'], detail?: string): OutboundFailure => ({
  ok: false,
  reason,
  ...(detail !== undefined && { detail }),
})
