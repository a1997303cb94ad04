/**
 * Finds the networks that an address belongs to, for limits. A home or a small company has a whole /64, /56 or /48 of IPv6
 * (RFC 6177 §2), so an attacker may have 65,536 networks of size /64.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'

/** How much of a client's address is logged. `full`: the unit of limits, see {@link networkOfAddress}. */
export type LoggedNetwork = 'full' | 'shortened' | 'none'

type CountedNetwork = { readonly key: string; readonly most: number; readonly span: Seconds }

/** The factor for the limit of each wider network, because many customers may share it. */
const widths = [
  { bits: 64, factor: 1 },
  { bits: 56, factor: 2 },
  { bits: 48, factor: 4 },
] as const

/**
 * Returns the keys that count a request in each of its networks.
 * @param network the result of `networkOf`.
 * @param limit for one IPv4 address or one IPv6 /64.
 */
export function networkKeys(
  kind: string,
  network: string,
  { most, span }: { readonly most: number; readonly span: Seconds },
): readonly CountedNetwork[] {
  const groups = groupsOf(network)
  if (typeof groups === 'string') return [{ key: `${kind} from ${groups}`, most, span }]
  return widths.map(({ bits, factor }) => ({
    key: `${kind} from ${prefixOf(groups, bits)}`,
    most: most * factor,
    span,
  }))
}

/** Returns the networks that an address belongs to, the widest first. */
export function networkPath(network: string): readonly string[] {
  const groups = groupsOf(network)
  if (typeof groups === 'string') return [groups]
  return widths.map(({ bits }) => prefixOf(groups, bits)).toReversed()
}

/** Returns the network that a request came from: see {@link networkOfAddress}. */
export const networkOf = ({ peer: { address } }: HttpRequest): string => networkOfAddress(address)

/** Returns the fields that every log line of a request has. */
export const requestFields = (
  request: HttpRequest,
): { readonly request_id: string; readonly network: string } => ({
  request_id: request.id,
  network: networkOf(request),
})

/** Returns the IPv4 address (also if it is embedded in IPv6) or the /64 of an IPv6 address, in a canonical spelling. */
export function networkOfAddress(address: string): string {
  const groups = groupsOf(address)
  return typeof groups === 'string' ? groups : prefixOf(groups, 64)
}

/** Returns the /24 of an IPv4 address and the /48 of an IPv6 address, which many customers share. */
export function shortenedNetwork(network: string): string {
  const groups = groupsOf(network)
  if (typeof groups !== 'string') return prefixOf(groups, 48)
  const dotted = /^(\d+\.\d+\.\d+)\.\d+$/.exec(groups)?.[1]
  return dotted === undefined ? '' : `${dotted}.0/24`
}

/** `2001:db8:0:1`, and with fewer than 64 bits `2001:db8:0/48`. */
function prefixOf(groups: readonly number[], bits: number): string {
  const kept = Array.from({ length: 4 }, (_, index) => {
    const left = Math.max(0, Math.min(16, bits - index * 16))
    return (groups[index] ?? 0) & (0xffff << (16 - left))
  })
  const text = kept.map(group => group.toString(16)).join(':')
  return bits === 64 ? text : `${text}/${bits}`
}

/**
 * IPv6 addresses that contain an IPv4 address, by their first six groups: mapped ones (RFC 4291 §2.5.5.2), and those of
 * a translator (RFC 6052 §2.1). Otherwise all clients of a translator would share one /64.
 */
const carriers: ReadonlySet<string> = new Set(['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0'])

/** The eight groups of an IPv6 address; an IPv4 address, or text that is not an address, is returned unchanged. */
function groupsOf(address: string): readonly number[] | string {
  if (!address.includes(':')) return address
  const [plain = ''] = address.split('%', 1)
  const text = plain.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map(part => part.toString(16)).join(':'),
  )
  const [head = '', tail] = text.split('::', 2)
  const [before, after] = [head, tail ?? ''].map(part =>
    part === '' ? [] : part.split(':').map(group => Number.parseInt(group, 16) & 0xffff),
  ) as [number[], number[]]
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array<number>(zeros).fill(0), ...after]
  const prefix = groups
    .slice(0, 6)
    .map(group => group.toString(16))
    .join(':')
  const [high = 0, low = 0] = groups.slice(6)
  return carriers.has(prefix) ? [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.') : groups
}
