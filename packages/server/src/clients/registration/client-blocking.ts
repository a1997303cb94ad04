/** Blocks of clients that operators make and end while servers run, for the command line and the admin API. */

import {
  type Block,
  type BlockClients,
  blockKey,
  clientBlockProblem,
  type ListedBlock,
  namedBlock,
  redirectBlockProblem,
} from '../../model/client-blocks.ts'
import type { Events } from '../../model/events.ts'
import type { DisabledPrincipals, Entries, Principals } from '../../model/ports/stores.ts'
import type { SealedClients } from '../../model/registration.ts'
import { hasNoRow, isSealedId } from '../../model/sealed-client.ts'
import type { Log } from '../../runtime/ports.ts'

export type ClientBlocking = {
  readonly block: BlockClients
  /** Returns every block, also those of the configuration, in the order of their kinds and ids. */
  readonly blocks: () => Promise<readonly ListedBlock[]>
}

type BlockingPorts = Pick<SealedClients, 'isIssued'> & {
  readonly principals: {
    readonly block: Principals['block']
    readonly blocks: () => Pick<
      DisabledPrincipals,
      'clients' | 'blockedClients' | 'blockedRedirects' | 'sealedBlocked'
    >
    /** Reads what other processes wrote until now. */
    readonly refresh: () => Promise<void>
  }
  /** Returns whether the configuration contains the client. */
  readonly isConfigured: (clientId: string) => boolean
  readonly entries: Pick<Entries, 'find'>
  /** Returns whether the client was made at run time, as far as this process knows. */
  readonly hasEntry: (clientId: string) => boolean
  /** `registration.blocked_redirect_hosts`. */
  readonly blockedRedirects: readonly string[]
  readonly events: Pick<Events, 'prepare'>
  readonly log: Log
}

export function createClientBlocking(ports: BlockingPorts): ClientBlocking {
  const { principals, isConfigured, entries, hasEntry, blockedRedirects, events, log } = ports

  const isStoredBlock = ({ kind, id }: Block): boolean => {
    const blocks = principals.blocks()
    if (kind === 'sealed_clients') return blocks.sealedBlocked
    return kind === 'stored_client' ? blocks.blockedClients.has(id) : blocks.blockedRedirects.includes(id)
  }

  const isFileBlock = ({ kind, id }: Block): boolean =>
    kind === 'stored_client'
      ? hasNoRow(id) && principals.blocks().clients.has(id) && !principals.blocks().blockedClients.has(id)
      : kind === 'redirect_host' && blockedRedirects.includes(id)

  /** Returns why this can't be blocked or unblocked. */
  async function problemOf(block: Block, isBlocked: boolean) {
    const { kind, id } = block
    // An earlier version may have stored a host that this one refuses.
    if (kind === 'redirect_host')
      return !isBlocked && isStoredBlock(block) ? undefined : redirectBlockProblem(id)
    if (kind === 'sealed_clients') return undefined
    if (!hasNoRow(id) || isConfigured(id) || (await entries.find('clients', id))) return hasRow
    return isBlocked ? idProblem(id, ports) : undefined
  }

  async function change(block: Block, isBlocked: boolean, actor: string): Promise<boolean> {
    const named = namedBlock(block)
    const event = events.prepare(isBlocked ? 'client.blocked' : 'client.unblocked', { ...named, actor })
    if (!(await principals.block(block, isBlocked, event.messages))) return false
    event.happened()
    log.info(isBlocked ? 'clients_blocked' : 'clients_unblocked', { ...named, actor })
    return true
  }

  return {
    async block(block, isBlocked, { actor = 'application', dryRun = false } = {}) {
      await principals.refresh()
      if (!isBlocked && !isStoredBlock(block) && isFileBlock(block))
        return { ok: false, isOfFile: true, ...fileProblemOf(block) }
      const problem = await problemOf(block, isBlocked)
      if (problem) return { ok: false, isOfFile: false, ...problem }
      const changed = dryRun ? isStoredBlock(block) !== isBlocked : await change(block, isBlocked, actor)
      return { ok: true, changed }
    },
    async blocks() {
      await principals.refresh()
      const { clients, blockedClients, blockedRedirects: redirects, sealedBlocked } = principals.blocks()
      // A disabled entry of the store is no block.
      const ids = [...clients].filter(id => hasNoRow(id) && !hasEntry(id))
      const listed: readonly ListedBlock[] = [
        ...ids.map(
          id => ({ kind: 'stored_client', id, origin: blockedClients.has(id) ? 'stored' : 'file' }) as const,
        ),
        ...redirects.map(id => ({ kind: 'redirect_host', id, origin: 'stored' }) as const),
        ...[...new Set(blockedRedirects)].map(id => ({ kind: 'redirect_host', id, origin: 'file' }) as const),
        ...(sealedBlocked ? [{ kind: 'sealed_clients', id: '', origin: 'stored' } as const] : []),
      ]
      return listed.toSorted((one, other) => (blockKey(one) < blockKey(other) ? -1 : 1))
    },
  }
}

/**
 * Returns why no client without a row can have this id; undefined if one can. Operators copy ids, and one that was cut off
 * or is of another issuer would stop nobody.
 */
export const idProblem = (
  clientId: string,
  { isIssued }: Pick<SealedClients, 'isIssued'>,
): ReturnType<typeof clientBlockProblem> =>
  clientBlockProblem(clientId) ??
  (isSealedId(clientId) && !isIssued(clientId)
    ? {
        problem: 'this issuer did not make it',
        fix: 'copy the whole client_id, and configure the issuer of the server',
      }
    : undefined)

const hasRow = {
  problem: 'it is configured or stored, or its client_id is neither a URL nor sealed',
  fix: 'set "enabled": false for it, or remove it',
} as const

/** Why a block of the configuration can't be ended here. */
const fileProblemOf = ({ kind }: Block) =>
  kind === 'redirect_host' ? ofFile.redirect_host : ofFile.stored_client

const ofFile = {
  stored_client: {
    problem: 'the configuration disables it, or did when it last contained it',
    fix: 'add it to "clients" with "enabled": true',
  },
  redirect_host: {
    problem: 'the configuration blocks it',
    fix: 'remove it from registration.blocked_redirect_hosts',
  },
} as const
