/** Names that entries have in common: what an entry refers to, and what refers to it. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Diagnostic } from '../configuration/diagnostic.ts'
import type { ReadEntry } from '../configuration/entries/entry-source.ts'
import type { EntryKind, StoredEntry } from '../model/entry.ts'
import type { AdministrationPorts } from './interface.ts'
import type { EntrySecrets } from './secrets.ts'

type Reference = { readonly kind: EntryKind; readonly id: string }

export type References = {
  /** Returns the errors of an entry beside the stored ones, and the entries that would become invalid. */
  readonly errorsOf: (
    entry: ReadEntry,
    before: StoredEntry | undefined,
  ) => Promise<{ readonly errors: readonly Diagnostic[]; readonly references: readonly Reference[] }>
  /** Returns entries that would be invalid without this one. */
  readonly to: (entry: StoredEntry) => Promise<readonly Reference[]>
  /**
   * Returns the number of stored users who would lose their access if a tenant's entry became `after`, or were removed.
   * Users of a tenant with its own issuer are in its own store, which is kept. A user
   * who is added at the same moment is not counted, and is inactive afterwards.
   */
  readonly usersLeftBehind: (before: StoredEntry | undefined, after?: JsonObject) => Promise<number>
}

type ReferencePorts = Pick<AdministrationPorts, 'source' | 'entries' | 'storedUsers'> & {
  readonly secrets: EntrySecrets
}

/** Clients that are read together, so that requests don't wait. */
const pageSize = 200
/** References that a refusal lists. */
const mostListed = 100

export function createReferences({ source, entries, storedUsers, secrets }: ReferencePorts): References {
  /** Returns the stored entries of every kind but clients, except this one. An invalid one is not in use. */
  const sharedWithout = async (kind: EntryKind, id: string): Promise<readonly ReadEntry[]> =>
    (await entries.shared()).flatMap(stored => {
      if (stored.kind === kind && stored.id === id) return []
      const reading = source.read(stored.kind, stored.entry, secrets.opener(stored.kind, stored.id))
      return reading.ok ? reading.read : []
    })

  /** Returns the stored clients that refer to a name. */
  async function clientsWith(
    refers: (client: Readonly<Record<string, unknown>>) => boolean,
  ): Promise<Reference[]> {
    const found: Reference[] = []
    for (let after: string | undefined, more = true; more && found.length < mostListed; ) {
      const page = await entries.list('clients', { after, limit: pageSize })
      for (const { kind, id, entry } of page) if (refers(entry)) found.push({ kind, id })
      after = page.at(-1)?.id
      more = page.length === pageSize
      await new Promise(setImmediate)
    }
    return found.slice(0, mostListed)
  }

  const includes = (list: unknown, name: string): boolean => Array.isArray(list) && list.includes(name)

  /** Returns how a client would refer to this entry; undefined if no client can. */
  const clientReference = (
    kind: EntryKind,
    id: string,
  ): ((client: Readonly<Record<string, unknown>>) => boolean) | undefined => {
    if (kind === 'api_scopes' || kind === 'identity_resources')
      return ({ scope }) => typeof scope === 'string' && scope.split(' ').includes(id)
    if (kind === 'tenants') return ({ tenants }) => includes(tenants, id)
    if (kind === 'identity_providers')
      return ({ identity_provider_restrictions: names }) => includes(names, id)
    return undefined
  }

  return {
    usersLeftBehind: async (before, after) =>
      before?.kind === 'tenants' && sharesIssuer(before.entry) && !(after && sharesIssuer(after))
        ? storedUsers.numberInTenant(before.id)
        : 0,
    async errorsOf(read, before) {
      const others = await sharedWithout(read.kind, read.id)
      if (read.kind === 'clients') {
        const errors = source.clientErrors(read, others)
        const isUser = before === undefined && (await storedUsers.find(read.id)) !== undefined
        return { errors: isUser ? [...errors, subOfUser] : errors, references: [] }
      }
      const already = new Set(source.errorsOf(others).map(({ diagnostic }) => JSON.stringify(diagnostic)))
      const found = source
        .errorsOf([...others, read])
        .filter(({ diagnostic }) => !already.has(JSON.stringify(diagnostic)))
      const errors = found.flatMap(({ entry, diagnostic }) =>
        entry === undefined || entry === read ? diagnostic : [],
      )
      const ofOthers = found.flatMap(({ entry }) =>
        entry && entry !== read ? { kind: entry.kind, id: entry.id } : [],
      )
      return { errors, references: [...ofOthers, ...(await clientsLeftBehind(read, before))] }
    },
    async to({ kind, id }) {
      const others = await sharedWithout(kind, id)
      const direct = source
        .errorsOf(others)
        .flatMap(({ entry }) => (entry ? { kind: entry.kind, id: entry.id } : []))
      const refers = isStandard(kind, id) ? undefined : clientReference(kind, id)
      const clients = refers ? await clientsWith(refers) : []
      return [...new Map([...direct, ...clients].map(one => [JSON.stringify(one), one])).values()]
    },
  }

  /** A tenant that gets its own issuer no longer belongs to the clients of the server's. */
  async function clientsLeftBehind(
    { kind, id, raw }: ReadEntry,
    before: StoredEntry | undefined,
  ): Promise<readonly Reference[]> {
    const moves = kind === 'tenants' && before && sharesIssuer(before.entry) && !sharesIssuer(raw)
    return moves ? clientsWith(client => includes(client.tenants, id)) : []
  }
}

const sharesIssuer = (tenant: { readonly issuer?: unknown }): boolean => tenant.issuer === undefined

/** Without its own entry, a standard identity resource has its standard meaning (OpenID Connect Core 1.0 §5.4). */
const isStandard = (kind: EntryKind, id: string): boolean =>
  kind === 'identity_resources' && ['openid', 'profile', 'email', 'address', 'phone'].includes(id)

const subOfUser: Diagnostic = {
  path: 'client_id',
  problem: 'it is the sub of a user',
  expected: 'a client_id that is not the sub of a user (RFC 9700 §4.15)',
  fix: 'choose another',
}
