/** Finds the sender of a request: the socket's address, or the one that a trusted proxy reports. */

import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { forwardedCertificateOf } from '@tessera/protocol/forwarded-certificate'
import type { Peer } from '@tessera/protocol/http'

export type PeerOptions = {
  /** Proxies whose `x-forwarded-for` is trusted: addresses or ranges. */
  readonly trustedProxies?: readonly string[]
  /** Whether their `x-forwarded-host` is trusted too. Many proxies pass on the client's value. */
  readonly trustForwardedHost?: boolean
  /** The header with the client's certificate, and the proxies that may send it (addresses or ranges). */
  readonly mtls?: { readonly certificateHeader: string; readonly trustedProxies: readonly string[] }
}

/** Returns the sender of a request, and removes the certificate header, which only a trusted proxy may set. */
export type ReadPeer = (socketAddress: string | undefined, headers: IncomingHttpHeaders) => Peer

export function createPeerReader({
  trustedProxies = [],
  trustForwardedHost = false,
  mtls,
}: PeerOptions): ReadPeer {
  const forwards = createTrust(trustedProxies)
  const handsOn = createTrust(mtls?.trustedProxies ?? [])
  const header = mtls?.certificateHeader.toLowerCase()

  return (socketAddress = '', headers) => {
    const from = withoutMapping(socketAddress)
    const believed = trustedProxies.length > 0 && forwards(from)
    const forwarded = believed ? headers['x-forwarded-for'] : undefined
    const address = forwarded === undefined ? from : clientBehind(forwarded, from, forwards)
    const host = believed && trustForwardedHost ? hostOf(headers['x-forwarded-host']) : undefined
    const trace = believed ? traceOf(headers) : undefined
    const peer: Peer = { address, ...(host !== undefined && { host }), ...(trace && { trace }) }
    if (header === undefined) return peer
    const value = headers[header]
    delete headers[header]
    const certificate =
      typeof value === 'string' && handsOn(from) ? forwardedCertificateOf(value, header) : undefined
    return certificate === undefined ? peer : { ...peer, certificate }
  }
}

/** Returns the last address that is not a trusted proxy: each proxy appends its client, so only the end of the list is reliable. */
function clientBehind(
  forwarded: string | readonly string[],
  proxy: string,
  trusted: (address: string) => boolean,
): string {
  let nearest = proxy
  for (const entry of String(forwarded).split(',').reverse()) {
    const address = withoutMapping(withoutPort(entry.trim()))
    if (isIP(address) === 0) return nearest
    nearest = address
    if (!trusted(address)) return nearest
  }
  return nearest
}

/** Returns the last entry, which the nearest proxy added: some proxies append to the client's value. */
const hostOf = (forwarded: string | readonly string[] | undefined): string | undefined =>
  forwarded === undefined ? undefined : String(forwarded).split(',').at(-1)?.trim()

/** Returns the headers of a trace. A client could otherwise fill or join the operator's traces. */
function traceOf(headers: IncomingHttpHeaders): Peer['trace'] {
  const [traceparent, tracestate] = [headers.traceparent, headers.tracestate]
  if (typeof traceparent !== 'string') return undefined
  return typeof tracestate === 'string' ? { traceparent, tracestate } : { traceparent }
}

/** Some proxies add the client's port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
const withoutPort = (entry: string): string =>
  /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(entry)?.[1] ?? /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? entry

/** Uses one list per family: in a common list, IPv6 ranges that include mapped addresses would match IPv4 addresses. */
function createTrust(proxies: readonly string[]): (address: string) => boolean {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const proxy of proxies) {
    const [network = '', bits] = proxy.split('/')
    const family = familyOf(network)
    if (bits === undefined) lists[family].addAddress(network, family)
    else lists[family].addSubnet(network, Number(bits), family)
  }
  return address => isIP(address) !== 0 && lists[familyOf(address)].check(address, familyOf(address))
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** Converts an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), which dual-stack sockets report, into the IPv4 address. */
function withoutMapping(address: string): string {
  if (!address.includes(':')) return address
  const { 1: dotted, 2: high, 3: low } = mapped.exec(address) ?? []
  if (dotted !== undefined) return dotted
  if (high === undefined || low === undefined) return address
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [first >> 8, first & 0xff, second >> 8, second & 0xff].join('.')
}

const mapped =
  /^(?:(?:0{1,4}:){5}|(?:0{1,4}:){1,4}:|::)ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i
