/** Names the data that remains of a deleted person. */

/** Sections of rows that remain, some of them for a limited time: see `storage/tables/personal.ts`. */
export const keptSections: ReadonlySet<string> = new Set([
  'principals',
  'logout_notices',
  'erasures',
  'audit_records',
])
