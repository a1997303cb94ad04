/** Adds entries that were made while the server runs to the drafts of a configuration, and checks the result. */

import { type EntryKind, sharedKinds } from '../../model/entry.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { type Draft, type Entry, tenantDraft } from '../draft.ts'
import { issuerProfileErrors } from '../profiles/findings.ts'
import { accountErrors, signUpErrors, userStoreErrors } from '../rules/accounts.ts'
import { clientErrors } from '../rules/client.ts'
import { nameErrors } from '../rules/names.ts'
import { providerErrors } from '../rules/providers.ts'
import { referenceErrors, registrationErrors } from '../rules/references.ts'
import { tenantErrors } from '../rules/tenants.ts'
import { type ConfigurationDraft, dataLists, type TenantDraft } from '../schema/whole.ts'
import type { EntryError, ReadEntry } from './entry-source.ts'
import { asStored } from './stored.ts'

/** The drafts of one issuer, as the file has them. */
export type IssuerDrafts = {
  readonly whole: ConfigurationDraft
  readonly draft: Draft
  /** Those of tenants with their own issuer. */
  readonly tenantDrafts: readonly Draft[]
  /** The issuer of the server, as configured. */
  readonly issuer: unknown
  /** The folder that relative paths start from. */
  readonly directory: string
}

/** How errors name the list of the entries that are added. */
export const labelOf = (kind: EntryKind): string => `stored ${kind}`

const ofKind = (added: readonly ReadEntry[], kind: EntryKind): readonly ReadEntry[] =>
  added.filter(one => one.kind === kind)

const nouns: Readonly<Record<EntryKind, string>> = {
  clients: 'client',
  api_scopes: 'API scope',
  api_resources: 'API resource',
  identity_resources: 'identity resource',
  identity_providers: 'identity provider',
  tenants: 'tenant',
}

export const entryOf = ({ kind, id, raw, value }: ReadEntry, list: string, index: number): Entry<never> => ({
  list,
  index,
  subject: `${nouns[kind]} "${id.slice(0, 100)}"`,
  raw,
  value: value as never,
  invalid: new Set(),
})

/**
 * Returns the draft with these entries, and without the file's clients and users, which have been checked. The names of
 * the file's entries remain known.
 */
export function extendDraft(draft: Draft, added: readonly ReadEntry[]): Draft {
  const lists = sharedKinds.map(kind => {
    const list = kind === 'tenants' ? 'tenants' : labelOf(kind)
    const from = kind === 'tenants' ? draft.tenants.length : 0
    return [kind, [...draft[kind], ...ofKind(added, kind).map((one, at) => entryOf(one, list, from + at))]]
  })
  const names = sharedKinds.map(kind => [
    kind,
    new Set([...draft.names[kind], ...ofKind(added, kind).map(({ id }) => id)]),
  ])
  return {
    ...draft,
    ...Object.fromEntries(lists),
    clients: [],
    users: [],
    names: { ...draft.names, ...Object.fromEntries(names) },
  }
}

/** Returns the settings with these entries. */
export function extendWhole(whole: ConfigurationDraft, added: readonly ReadEntry[]): ConfigurationDraft {
  const lists = sharedKinds.map(kind => [
    kind,
    [...whole[kind], ...ofKind(added, kind).map(({ value }) => asStored(kind, value))],
  ])
  return { ...whole, ...Object.fromEntries(lists) }
}

/** Returns the drafts of tenants with their own issuer, which inherit lists of the server. */
export function extendTenants(
  { draft, tenantDrafts }: IssuerDrafts,
  extended: Draft,
  added: readonly ReadEntry[],
): readonly Draft[] {
  const ofFile = tenantDrafts.map(one => {
    const inherited = sharedKinds.filter(kind => one[kind] === draft[kind])
    return {
      ...one,
      ...Object.fromEntries(inherited.map(kind => [kind, extended[kind]])),
      names: { ...one.names, ...Object.fromEntries(inherited.map(kind => [kind, extended.names[kind]])) },
    }
  })
  const tenants = ofKind(added, 'tenants')
  const count = draft.tenants.length
  const made = tenants.flatMap(({ value }, at) =>
    (value as TenantDraft).issuer === undefined
      ? []
      : tenantDraft(extended, paddedInput(tenants, count), count + at),
  )
  return [...ofFile, ...made]
}

/** The tenants follow those of the file, so that paths in errors have different places. */
const paddedInput = (tenants: readonly ReadEntry[], before: number): Parameters<typeof tenantDraft>[1] => ({
  input: { tenants: [...Array(before).fill({}), ...tenants.map(({ raw }) => raw)] },
  value: { tenants: [...Array(before).fill({}), ...tenants.map(({ value }) => value)] },
  issues: new Map(),
  schemas: dataLists,
})

/** Returns the errors of a configuration with these entries, besides those of their schemas. */
export function extensionErrors(drafts: IssuerDrafts, added: readonly ReadEntry[]): readonly EntryError[] {
  const draft = extendDraft(drafts.draft, added)
  const whole = extendWhole(drafts.whole, added)
  const all = [draft, ...extendTenants(drafts, draft, added)]
  const errors = [
    ...tenantErrors(draft, drafts.issuer),
    ...all.flatMap(one => [
      ...nameErrors(one),
      ...referenceErrors(one),
      ...clientErrors(one),
      ...accountErrors(one),
      ...registrationErrors(one),
      ...issuerProfileErrors(one),
      ...providerErrors(one, drafts.directory),
    ]),
    ...signUpErrors(whole),
    ...userStoreErrors(whole),
  ]
  const distinct = new Map(errors.map(error => [JSON.stringify([error.path, error.problem]), error]))
  return [...distinct.values()].map(error => attributed(error, added, drafts.draft.tenants.length))
}

export function attributed(
  diagnostic: Diagnostic,
  added: readonly ReadEntry[],
  fileTenants: number,
): EntryError {
  const [, stored, kind = '', place = '', path = ''] =
    /^(stored )?(\w+)\[(\d+)\]\.?(.*)$/.exec(diagnostic.path) ?? []
  const index = stored ? Number(place) : Number(place) - fileTenants
  const entry =
    stored || kind === 'tenants'
      ? ofKind(added, kind as EntryKind)[index < 0 ? added.length : index]
      : undefined
  return entry ? { entry, diagnostic: { ...diagnostic, path } } : { diagnostic }
}

/** Leaves out entries until the rest is valid. Returns the rest, and the errors of those that were left out. */
export function validPart(
  drafts: IssuerDrafts,
  added: readonly ReadEntry[],
): { readonly valid: readonly ReadEntry[]; readonly errors: readonly EntryError[] } {
  let valid = added
  const errors: EntryError[] = []
  for (;;) {
    const found = extensionErrors(drafts, valid)
    if (found.length === 0) return { valid, errors }
    const named = new Set(found.flatMap(({ entry }) => entry ?? []))
    // An error may name an entry of the file, which collides with an added one: the last one goes first.
    const left = named.size > 0 ? named : new Set(valid.slice(-1))
    errors.push(...found.map(error => ({ entry: [...left][0], ...error })))
    valid = valid.filter(one => !left.has(one))
    if (valid.length === 0 && left.size === 0) return { valid, errors }
  }
}
