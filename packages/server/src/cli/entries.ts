/**
 * `tessera clients|scopes|resources|identity-resources|providers|tenants`: entries of the configuration that are made
 * while the server runs.
 */

import { isJsonObject } from '@tessera/protocol/json'
import { formatDiagnostic } from '../configuration/diagnostic.ts'
import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type {
  AddEntryFlags,
  EntryFlags,
  ExitCode,
  ListEntryFlags,
  RemoveEntryFlags,
  RotateSecretFlags,
  SetEntryFlags,
} from './command.ts'
import { lineOf, withOpened } from './issuer.ts'
import { readJsonInput } from './json-input.ts'

type OpenAdministration = Awaited<ReturnType<typeof import('../app/administration.ts').openAdministration>>
type Kind = Exclude<keyof OpenAdministration, 'close'>
type Entries = OpenAdministration[Kind]
type Shown = Awaited<ReturnType<Entries['list']>>['entries'][number]
type Refused = Exclude<Awaited<ReturnType<Entries['get']>>, { readonly ok: true }>

const actor = 'command_line'

export const list = (kind: Kind, flags: ListEntryFlags): Promise<ExitCode> =>
  withEntries(kind, flags, async entries => {
    const filter = { text: flags.filter, origin: flags.origin }
    for (let cursor: string | undefined, more = true; more; ) {
      const page = await entries.list({ cursor, filter })
      for (const entry of page.entries)
        writeOutput(flags.json ? `${JSON.stringify(entry)}\n` : `${lineOf(summaryOf(entry))}\n`)
      cursor = page.cursor
      more = cursor !== undefined
    }
    return 0
  })

export const show = (kind: Kind, id: string, flags: EntryFlags): Promise<ExitCode> =>
  withEntries(kind, flags, async entries => {
    const found = await entries.get(id)
    if (!found.ok) return report(found)
    const { entry, ...about } = found.value
    writeOutput(
      flags.json
        ? `${JSON.stringify(found.value)}\n`
        : `${lineOf(summaryOf({ ...about, entry }))}\n${JSON.stringify(entry, null, 2)}\n`,
    )
    return 0
  })

export const add = (kind: Kind, flags: AddEntryFlags): Promise<ExitCode> =>
  withEntries(kind, flags, async entries => {
    const given = await readEntry(flags)
    return given ? changed(flags, 'added', await entries.create(given.entry, optionsOf(flags))) : 1
  })

export const set = (kind: Kind, id: string, flags: SetEntryFlags): Promise<ExitCode> =>
  withEntries(kind, flags, async entries => {
    const given = await readEntry(flags)
    if (!given) return 1
    const { entry, version } = given
    const options = { ...(version !== undefined && { version }), ...versionedOptionsOf(flags) }
    return changed(flags, 'replaced', await entries.replace(id, entry, options))
  })

export const remove = (kind: Kind, id: string, flags: RemoveEntryFlags): Promise<ExitCode> =>
  withEntries(kind, flags, async entries => {
    const removed = await entries.remove(id, versionedOptionsOf(flags))
    return changed(flags, 'removed', removed.ok ? { ok: true, value: { entry: removed.value } } : removed)
  })

export const rotateSecret = (kind: Kind, id: string, flags: RotateSecretFlags): Promise<ExitCode> => {
  const overlap = Number(flags.overlap)
  if (!Number.isSafeInteger(overlap) || overlap < 0)
    return Promise.resolve(tell('--overlap is not a number of seconds', 2))
  return withEntries(kind, flags, async entries =>
    changed(flags, 'rotated', await entries.rotateSecret(id, { ...optionsOf(flags), overlap })),
  )
}

const optionsOf = ({ dryRun, generateSecret }: AddEntryFlags) => ({
  actor,
  ...(dryRun && { dryRun }),
  ...(generateSecret && { generateSecret }),
})

const versionedOptionsOf = ({ ifVersion: version, ...flags }: SetEntryFlags) => ({
  ...optionsOf(flags),
  ...(version !== undefined && { version }),
})

async function withEntries(
  kind: Kind,
  flags: SetEntryFlags,
  use: (entries: Entries) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (Number.isNaN(flags.ifVersion)) return tell('--if-version is not a number', 2)
  return withOpened(
    flags,
    'entries',
    async (...issuer) => (await import('../app/administration.ts')).openAdministration(...issuer, flags),
    administration => use(administration[kind]),
  )
}

type JsonObject = Parameters<Entries['create']>[0]

type GivenEntry = { readonly entry: JsonObject; readonly version?: number }

/** Reads the JSON of an entry, or of what `show --json` printed. Reports what is wrong with it, and returns undefined. */
async function readEntry({ file }: AddEntryFlags): Promise<GivenEntry | undefined> {
  const value = await readJsonInput(file)
  return value && (shownIn(value) ?? { entry: value })
}

/** No kind of entry has these keys. */
const shownIn = ({ kind, origin, entry, version }: JsonObject): GivenEntry | undefined =>
  typeof kind === 'string' && typeof origin === 'string' && isJsonObject(entry)
    ? { entry, ...(typeof version === 'number' && version > 0 && { version }) }
    : undefined

function changed(
  { json, dryRun }: AddEntryFlags,
  done: string,
  outcome:
    | { readonly ok: true; readonly value: { readonly entry: Shown; readonly secret?: string } }
    | Refused,
): ExitCode {
  if (!outcome.ok) return report(outcome)
  const { entry, secret } = outcome.value
  if (json) writeOutput(`${JSON.stringify({ ...entry, secret })}\n`)
  else writeOutput(`${dryRun ? 'would be ' : ''}${done} ${lineOf({ ...summaryOf(entry), secret })}\n`)
  return 0
}

const summaryOf = ({ id, version, origin, entry, created_at, updated_at }: Shown) => {
  const name = entry.client_name ?? entry.display_name
  return {
    id: JSON.stringify(id),
    origin,
    version: version === 0 ? undefined : version,
    name: typeof name === 'string' ? JSON.stringify(name) : undefined,
    enabled: entry.enabled === false ? false : undefined,
    created_at,
    updated_at,
  }
}

const problems: Readonly<Record<Refused['problem'], string>> = {
  entry_unknown: 'there is no such entry',
  entry_exists: 'there is an entry of this name; expected another name, or "set"',
  entry_read_only:
    'the entry can not be changed here; change it where it comes from, the configuration file for example',
  entry_changed: 'the entry was changed meanwhile; read it again',
  entry_invalid: 'the entry is invalid',
  entry_referenced: 'other entries refer to it; change them first',
  entry_has_users: 'users belong to the tenant; remove them first, with "tessera users delete"',
  entries_busy: 'other changes came first; retry',
}

function report({ problem, errors = [], references = [], users = 0, version }: Refused): ExitCode {
  for (const error of errors) writeError(`${formatDiagnostic(error)}\n`)
  const current = version === undefined ? '' : ` (its version is ${version})`
  const number = users === 0 ? '' : ` (their number is ${users})`
  const code = tell(`${problems[problem]}${current}${number}`)
  for (const { kind, id } of references) writeError(`  ${kind} ${JSON.stringify(id)}\n`)
  return code
}

const tell = (problem: string, code: ExitCode = 1): ExitCode => {
  writeError(`tessera: ${problem}\n`)
  return code
}
