/** Clients that operators block while servers run, among those that registered themselves or publish their metadata. */

import { clientIdUrlProblem, isClientIdUrl } from '@tessera/protocol/client-id-url'
import type { Client } from './client.ts'
import { hostPatternProblem, isBlockedHost } from './host-pattern.ts'
import { isSealedId, maxSealedIdLength } from './sealed-client.ts'

/**
 * `stored_client`: a client that needs no row, by its id. `redirect_host`: clients that redirect to a host or scheme.
 * `sealed_clients`: all sealed ids, with an empty `id`.
 */
export type Block = {
  readonly kind: 'stored_client' | 'redirect_host' | 'sealed_clients'
  readonly id: string
}

/** The kinds, as the log, events and the admin API name them. */
export const blockNames = {
  stored_client: 'client_id',
  redirect_host: 'redirect_host',
  sealed_clients: 'sealed_client_ids',
} as const satisfies Readonly<Record<Block['kind'], string>>

/** A block as others see it. `id` is the `client_id`, or the host or scheme; there is none for all sealed ids. */
export type NamedBlock = {
  readonly kind: (typeof blockNames)[Block['kind']]
  readonly id?: string
}

export const namedBlock = ({ kind, id }: Block): NamedBlock => ({
  kind: blockNames[kind],
  ...(kind !== 'sealed_clients' && { id }),
})

/** `stored`: an operator made it while a server ran. `file`: the configuration contains it, or did so for a client. */
export type ListedBlock = Block & { readonly origin: 'file' | 'stored' }

/** Returns a text that no other listed block has, by which lists are ordered. */
export const blockKey = ({ origin, ...block }: ListedBlock): string => {
  const { kind, id = '' } = namedBlock(block)
  return `${kind} ${id} ${origin}`
}

/** Whether anything changed, or would, or why it can't be blocked or unblocked. */
type BlockOutcome =
  | { readonly ok: true; readonly changed: boolean }
  | {
      readonly ok: false
      /** Whether only the configuration ends the block. */
      readonly isOfFile: boolean
      readonly problem: string
      readonly fix: string
    }

type BlockOptions = {
  /** Who blocks: the `client_id` of a token of the admin API, or `command_line`. Omitted: `application`. */
  readonly actor?: string
  /** Checks everything and changes nothing. Omitted: false. */
  readonly dryRun?: boolean
}

/** Blocks clients, or ends a block. This process honours it at once, and others within a second. */
export type BlockClients = (block: Block, isBlocked: boolean, options?: BlockOptions) => Promise<BlockOutcome>

/**
 * Returns whether a browser could be sent to a blocked destination, after a sign-in or a sign-out: a host with any port, a
 * host with its port, all hosts below one (`*.example.com`), or a private-use scheme (`cursor:`).
 */
export const hasBlockedRedirect = (
  { redirect_uris, post_logout_redirect_uris }: Pick<Client, 'redirect_uris' | 'post_logout_redirect_uris'>,
  blocked: readonly string[],
): boolean =>
  blocked.length > 0 &&
  [...redirect_uris, ...post_logout_redirect_uris].some(uri => isBlockedRedirect(uri, blocked))

/** Returns whether the URI goes to one of these destinations. */
export function isBlockedRedirect(uri: string, blocked: readonly string[]): boolean {
  const url = URL.parse(uri)
  return url !== null && (blocked.includes(url.protocol) || isBlockedHost(url, blocked))
}

type BlockProblem = ReturnType<typeof hostPatternProblem>

/** Returns why no client that needs no row can have this id; undefined if one can. */
export function clientBlockProblem(clientId: string): BlockProblem {
  if (isClientIdUrl(clientId)) {
    const problem = clientIdUrlProblem(clientId)
    return problem === undefined ? undefined : { problem, fix: 'write the client_id as the client sends it' }
  }
  return isSealedId(clientId) && (clientId.length > maxSealedIdLength || !/^[\w-]+\.[\w-]+$/.test(clientId))
    ? { problem: 'it is not a sealed id', fix: 'copy the whole client_id' }
    : undefined
}

/** `*.`, a domain name of 253 characters (RFC 1035 §2.3.4), and a port. */
const longestRedirect = 261

/** Returns why an operator can't block this; undefined if they can. */
export function redirectBlockProblem(pattern: string): BlockProblem {
  if (pattern.length > longestRedirect)
    return { problem: `it is longer than ${longestRedirect} characters`, fix: 'write a host or a scheme' }
  if (!pattern.endsWith(':')) return hostPatternProblem(pattern)
  return /^(?!https?:)[a-z][a-z\d+.-]*:$/.test(pattern)
    ? undefined
    : { problem: 'it is not the scheme of an application', fix: 'write a scheme such as myapp:, or a host' }
}
