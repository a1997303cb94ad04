/** Warns about entries that were made while the server runs, by the rules for those of a file. */

import { type EntryKind, entryKinds } from '../../model/entry.ts'
import { emptyLists } from '../empty-lists.ts'
import { clientWarnings } from '../rules/client.ts'
import { providerWarnings } from '../rules/providers.ts'
import { secretWarnings } from '../rules/secrets.ts'
import type { EntryError, ReadEntry } from './entry-source.ts'
import { attributed, entryOf, extendDraft, extendTenants, type IssuerDrafts, labelOf } from './extension.ts'

/**
 * Returns what is allowed but probably unintended, such as weak hashes.
 * @param now seconds since 1970.
 */
export function entryWarnings(
  drafts: IssuerDrafts,
  added: readonly ReadEntry[],
  now: number,
): readonly EntryError[] {
  const extended = extendDraft(drafts.draft, added)
  const entriesOf = (kind: EntryKind) =>
    added.filter(one => one.kind === kind).map((one, index) => entryOf(one, labelOf(kind), index))
  const own = {
    ...extended,
    ...emptyLists,
    ...Object.fromEntries(entryKinds.map(kind => [kind, entriesOf(kind)])),
    registration: undefined,
  }
  // The lists of tenants that have their own issuer.
  const made = extendTenants(drafts, extended, added).slice(drafts.tenantDrafts.length)
  const warnings = [own, ...made].flatMap(draft => [
    ...clientWarnings(draft, now),
    ...providerWarnings(draft),
    ...secretWarnings(draft),
  ])
  const distinct = new Map(warnings.map(one => [JSON.stringify([one.path, one.problem]), one]))
  // A tenant inherits entries of the file, which are reported with the file.
  return [...distinct.values()]
    .map(one => attributed(one, added, drafts.draft.tenants.length))
    .filter(({ entry }) => entry !== undefined)
}
