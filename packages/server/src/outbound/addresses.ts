/** Decides which addresses may get requests: public ones, and those that the operator names (RFC 6890, RFC 9700 §4.11.2). */

import { BlockList, isIP } from 'node:net'

/**
 * Special-purpose ranges (IANA IPv4 and IPv6 Special-Purpose Address Registries, multicast, and addresses that embed
 * IPv4).
 */
const specialRanges = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '::ffff:0:0/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
] as const

export type AddressRule = {
  /** Returns `public`, `allowed` for a private address that the operator names, and undefined if requests are forbidden. */
  readonly kindOf: (address: string) => 'public' | 'allowed' | undefined
}

/** @param allowed private addresses or ranges that may get requests. */
export function createAddressRule(allowed: readonly string[] = []): AddressRule {
  const named = listOf(allowed)
  return {
    kindOf(address) {
      if (isIP(address) === 0) return undefined
      if (contains(named, address)) return 'allowed'
      special ??= listOf(specialRanges)
      return contains(special, address) ? undefined : 'public'
    },
  }
}

/** Created once, on first use: every issuer has a rule, and all have these ranges in common. */
let special: Ranges | undefined

/** One list per family: in a common list, the IPv6 range of mapped addresses would match IPv4 addresses. */
type Ranges = Readonly<Record<'ipv4' | 'ipv6', BlockList>>

function listOf(ranges: readonly string[]): Ranges {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const range of ranges) {
    const [network = '', bits] = range.split('/')
    const family = familyOf(network)
    if (bits === undefined) lists[family].addAddress(network, family)
    else lists[family].addSubnet(network, Number(bits), family)
  }
  return lists
}

const contains = (lists: Ranges, address: string): boolean =>
  lists[familyOf(address)].check(address, familyOf(address))

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')
