/** Clients, resources, identity providers and tenants: those of the configuration file, read-only, and stored ones. */

import type { JsonObject } from '@tessera/protocol/result'
import type {
  Administration,
  AdministrationRefusal,
  Changed,
  EntryAdministration,
  ShownEntry,
} from '../../administration/interface.ts'
import { isAdminScope } from '../../model/admin-api.ts'
import type { EntryKind } from '../../model/entry.ts'
import { hasNoRow } from '../../model/sealed-client.ts'
import type { Cursors } from './cursor.ts'
import { entryKinds, readOnlyMembers, secretMemberOf } from './entry-operations.ts'
import type { AnyHandlers, Call, Caller, Reply } from './operation.ts'
import { type EntryError, invalidEntry, type Problem, problem } from './problem.ts'
import { mergePatch } from './request.ts'

type EntryPorts = {
  readonly administration: Administration
  readonly cursors: Cursors
  /** Revokes every token of a client. Returns false if there is no such client. */
  readonly revokeClient: (clientId: string) => Promise<boolean>
}

/** Returns the handlers of every kind. */
export const createEntryHandlers = (ports: EntryPorts): AnyHandlers =>
  Object.assign(
    { revokeClient: revocationOf(ports) },
    ...(Object.keys(entryKinds) as EntryKind[]).map(kind => handlersOf(kind, ports)),
  )

const revocationOf =
  ({ administration, revokeClient }: EntryPorts) =>
  async ({ path: { client_id = '' }, caller, changed }: Call): Promise<Reply | Problem> => {
    const found = await administration.clients.get(client_id)
    // Such a client has no scope of this API.
    if (!found.ok && !hasNoRow(client_id)) return refusedBy(found)
    const refused = found.ok ? checkPower('clients', caller, found.value.entry) : undefined
    if (refused) return refused
    if (!(await revokeClient(client_id))) return problem('admin_entry_unknown', 'no client has this id')
    changed('Client', client_id)
    return { ok: true, status: 204 }
  }

function handlersOf(kind: EntryKind, { administration, cursors }: EntryPorts): AnyHandlers {
  const { noun, plural, path, key } = entryKinds[kind]
  const entries = administration[kind]
  const secretMember = secretMemberOf(kind)

  const bodyOf = ({ body }: Call<JsonObject>): JsonObject => {
    const members = Object.entries(body).filter(([name]) => !readOnlyMembers.has(name))
    return Object.fromEntries(members)
  }

  async function written(
    { caller, dryRun, query, changed }: Call<JsonObject>,
    entry: JsonObject,
    before: ShownEntry | undefined,
  ): Promise<Reply | Problem> {
    const exceeded = checkPower(kind, caller, entry, before?.entry)
    if (exceeded) return exceeded
    const options = { actor: caller.client_id, dryRun, generateSecret: query.generate_secret === true }
    const outcome = before
      ? await entries.replace(before.id, entry, { ...options, version: before.version })
      : await entries.create(entry, options)
    if (!outcome.ok) return refusedBy(outcome)
    const { entry: made, secret } = outcome.value
    if (dryRun) return { ok: true, status: 200, body: shown(made) }
    changed(noun, made.id)
    const body = withSecret({ entry: made, ...(secret !== undefined && { secret }) }, secretMember)
    return before
      ? { ok: true, status: 200, body, etag: etagOf(made) }
      : {
          ok: true,
          status: 201,
          body,
          etag: etagOf(made),
          location: `${path}/${encodeURIComponent(made.id)}`,
        }
  }

  const handlers: Record<string, (call: Call<JsonObject>) => Promise<Reply | Problem>> = {
    [`list${plural}`]: call => listEntries(call, entries, cursors),
    [`create${noun}`]: call => written(call, bodyOf(call), undefined),
    async [`read${noun}`]({ path: { [key]: id = '' }, conditions }) {
      const found = await entries.get(id)
      if (!found.ok) return refusedBy(found)
      const etag = etagOf(found.value)
      return etag !== undefined && conditions.isUnchanged(etag)
        ? { ok: true, status: 304, etag }
        : { ok: true, status: 200, body: shown(found.value), etag }
    },
    async [`put${noun}`](call) {
      const { [key]: id = '' } = call.path
      const found = await entries.get(id)
      const before = found.ok ? found.value : undefined
      const refused = before ? changeRefusal(call, before) : call.conditions.forChange(undefined)
      if (refused) return refused
      const body = bodyOf(call)
      if (body[key] !== undefined && body[key] !== id) return invalidEntry([renamed(key)])
      const reply = await written(call, { ...body, [key]: id }, before)
      // Another request created it at the same time.
      return 'reason' in reply && reply.reason === 'admin_entry_exists' ? changedMeanwhile : reply
    },
    async [`patch${noun}`](call) {
      const found = await entries.get(call.path[key] ?? '')
      if (!found.ok) return refusedBy(found)
      const refused = changeRefusal(call, found.value)
      if (refused) return refused
      return written(call, mergePatch(found.value.entry, bodyOf(call)) as JsonObject, found.value)
    },
    async [`delete${noun}`]({ path: { [key]: id = '' }, caller, conditions, dryRun, changed }) {
      const found = await entries.get(id)
      if (!found.ok) return refusedBy(found)
      const { origin, version, entry } = found.value
      const refused =
        origin === 'file'
          ? readOnly(origin)
          : (conditions.forChange(etagOf(found.value)) ?? checkPower(kind, caller, entry))
      if (refused) return refused
      const removed = await entries.remove(id, { actor: caller.client_id, dryRun, version })
      if (!removed.ok) return refusedBy(removed)
      if (dryRun) return { ok: true, status: 200, body: shown(removed.value) }
      changed(noun, id)
      return { ok: true, status: 204 }
    },
  }
  if (secretMember !== undefined)
    handlers[`rotate${noun}Secret`] = async call => {
      const { caller, dryRun, changed } = call
      const found = await entries.get(call.path[key] ?? '')
      if (!found.ok) return refusedBy(found)
      const refused =
        changeRefusal(call, found.value, 'optional') ?? checkPower(kind, caller, found.value.entry)
      if (refused) return refused
      const { id, version } = found.value
      const { overlap } = call.body as unknown as { readonly overlap: number }
      const rotated = await entries.rotateSecret(id, { actor: caller.client_id, dryRun, version, overlap })
      if (!rotated.ok) return refusedBy(rotated)
      if (!dryRun) changed(noun, id)
      return {
        ok: true,
        status: 200,
        body: withSecret(rotated.value, secretMember),
        etag: etagOf(rotated.value.entry),
      }
    }
  return handlers as AnyHandlers
}

async function listEntries(
  { query, operation }: Call<JsonObject>,
  entries: EntryAdministration,
  cursors: Cursors,
): Promise<Reply | Problem> {
  const {
    limit = 50,
    cursor,
    text,
    origin,
  } = query as {
    limit?: number
    cursor?: string
    text?: string
    origin?: ShownEntry['origin']
  }
  const list = JSON.stringify([operation, text, origin])
  const after = cursor === undefined ? undefined : cursors.read(list, cursor)
  if (cursor !== undefined && after === undefined)
    return problem('admin_cursor_invalid', 'send next_cursor of the page before, with the same filters')
  const page = await entries.list({ cursor: after, limit, filter: { text, origin } })
  const items = page.entries.map(shown)
  const next = page.cursor === undefined ? {} : { next_cursor: cursors.write(list, page.cursor) }
  return { ok: true, status: 200, body: { items, ...next } }
}

/** Returns why the entry can't be replaced by this call. */
function changeRefusal(
  { conditions }: Pick<Call, 'conditions'>,
  entry: ShownEntry,
  optional?: 'optional',
): Problem | undefined {
  if (entry.origin !== 'stored') return readOnly(entry.origin)
  return conditions.forChange(etagOf(entry), optional)
}

/**
 * Refuses to give a client scopes of this API that the caller lacks, and to change a client that has such scopes: whoever
 * sets its secret could use them.
 */
function checkPower(
  kind: EntryKind,
  { scope, client_id }: Caller,
  ...entries: readonly (JsonObject | undefined)[]
): Problem | undefined {
  if (kind !== 'clients') return undefined
  const names = entries.flatMap(entry => (typeof entry?.scope === 'string' ? entry.scope.split(' ') : []))
  const exceeding = [...new Set(names)].filter(name => isAdminScope(name) && !scope.has(name))
  return exceeding.length === 0
    ? undefined
    : problem('admin_scope_exceeded', `the access token lacks ${exceeding.join(' ')}`, { log: { client_id } })
}

/** A version is not used again, also not by an entry that is removed and made again. */
const etagOf = ({ origin, version }: ShownEntry): string | undefined =>
  origin === 'file' ? undefined : `"${version}"`

const shown = ({ entry, origin, created_at, updated_at }: ShownEntry) => ({
  ...entry,
  origin,
  ...(created_at !== undefined && { created_at }),
  ...(updated_at !== undefined && { updated_at }),
})

const withSecret = ({ entry, secret }: Changed, member: string | undefined): object => ({
  ...shown(entry),
  ...(secret !== undefined && member !== undefined && { [member]: secret }),
})

const readOnly = (origin: ShownEntry['origin']): Problem =>
  problem(
    'admin_entry_read_only',
    origin === 'file'
      ? 'change the configuration file'
      : 'a client that registered itself can only be deleted',
  )

const changedMeanwhile = problem(
  'admin_precondition_failed',
  'another request changed the entry at the same time',
)

const renamed = (path: string): EntryError => ({
  path,
  problem: 'it differs from the id in the path',
  expected: 'the same id, or none',
  fix: 'create another entry, and delete this one',
})

/** Explains a refusal of the administration. */
function refusedBy({
  problem: reason,
  errors = [],
  references = [],
  users = 0,
}: AdministrationRefusal): Problem {
  switch (reason) {
    case 'entry_unknown':
      return problem('admin_entry_unknown', 'no entry has this id')
    case 'entry_exists':
      return problem('admin_entry_exists', 'an entry has this id')
    case 'entry_read_only':
      return readOnly('file')
    case 'entry_changed':
      return changedMeanwhile
    case 'entry_invalid':
      return invalidEntry(
        errors.map(({ path, problem, expected, fix }) => ({ path, problem, expected, fix })),
      )
    case 'entry_referenced': {
      const named = references.slice(0, 10).map(({ kind, id }) => `${kind} ${id}`)
      return problem('admin_entry_in_use', `entries refer to it: ${named.join(', ')}`)
    }
    case 'entry_has_users':
      return problem(
        'admin_entry_has_users',
        `delete the users of the tenant first; their number is ${users}`,
      )
    case 'entries_busy':
      return problem('admin_entry_changed', 'other requests change entries at the same time; try again')
  }
}
