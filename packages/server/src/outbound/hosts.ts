/** Resolves the host names of addresses that others supply, and checks the addresses before a connection is opened. */

import { isIP, type LookupFunction } from 'node:net'
import { createAddressRule } from './addresses.ts'

/** Resolves to the addresses of a host name. May continue after the signal; its result is then ignored. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>

/** Why a host gets no connection. */
type HostFailure = 'outbound_address_private' | 'outbound_name_unknown' | 'outbound_timeout'

/**
 * Returns the addresses of a host that was named at run time, for a connection of another protocol than HTTP. Rejects
 * with a `HostFailure` as `code` unless all of them are public or among these private networks.
 */
export async function permittedAddresses(
  host: string,
  { allowed, timeoutMs, resolve = systemResolve }: HostOptions,
): Promise<readonly string[]> {
  const addresses = await addressesOf(withoutBrackets(host), resolve, AbortSignal.timeout(timeoutMs))
  if (typeof addresses === 'string') throw hostError(addresses, host)
  const rule = createAddressRule(allowed)
  if (addresses.some(address => rule.kindOf(address) === undefined))
    throw hostError('outbound_address_private', host)
  return addresses
}

type HostOptions = {
  readonly allowed: readonly string[]
  readonly timeoutMs: number
  readonly resolve?: Resolve
}

/** Returns a lookup that connects to one of these addresses, whatever the name resolves to by then. */
export function pinned(addresses: readonly string[]): LookupFunction {
  const found = addresses.map(address => ({ address, family: isIP(address) }))
  return (_, { all }, answer) =>
    all ? answer(null, found) : answer(null, found[0]!.address, found[0]!.family)
}

/** An address itself needs no resolution. */
export async function addressesOf(
  host: string,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<readonly string[] | HostFailure> {
  if (isIP(host) !== 0) return [host]
  const aborted = new Promise<HostFailure>(done =>
    signal.addEventListener('abort', () => done('outbound_timeout'), { once: true }),
  )
  const named = resolve(host, signal).then(
    (found): readonly string[] | HostFailure => (found.length > 0 ? found : 'outbound_name_unknown'),
    (): HostFailure => 'outbound_name_unknown',
  )
  return Promise.race([named, aborted])
}

export const withoutBrackets = (host: string): string => host.replace(/^\[|\]$/g, '')

export const systemResolve: Resolve = async hostname => {
  const { lookup } = await import('node:dns/promises')
  return (await lookup(hostname, { all: true })).map(({ address }) => address)
}

/** Returns whether a name belongs to the operator's network, which must not be sent to other name servers. */
const isLocalName = (hostname: string): boolean => /^[^.]+\.?$|(^|\.)localhost\.?$/.test(hostname)

/**
 * Queries name servers over sockets. The system's resolver, `getaddrinfo`, blocks one of few threads until the name
 * server responds, so names with unresponsive servers could prevent lookups of providers, the mail server and the
 * database. Ignores the hosts file and search domains, so names without a dot go to the system's resolver.
 */
export const publicResolve: Resolve = async (hostname, signal) => {
  if (isLocalName(hostname)) return systemResolve(hostname, signal)
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  signal.addEventListener('abort', () => resolver.cancel(), { once: true })
  const found = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  return found.flatMap(one => (one.status === 'fulfilled' ? one.value : []))
}

const explanations: Readonly<Record<HostFailure, string>> = {
  outbound_address_private:
    'is at a private address that outbound.allowed_private_networks does not contain; allow it, or put the entry into the configuration file',
  outbound_name_unknown: 'has no address',
  outbound_timeout: 'was not resolved in time',
}

const hostError = (code: HostFailure, host: string): Error =>
  Object.assign(new Error(`${host} ${explanations[code]}`), { code })
