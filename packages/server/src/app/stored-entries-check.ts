/** Checks the entries that were made while a server runs against a configuration, for the command line. */

import { createEntrySecrets } from '../administration/secrets.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { Diagnostic } from '../configuration/diagnostic.ts'
import type { ReadEntry } from '../configuration/entries/entry-source.ts'
import type { ProfileFinding } from '../configuration/profiles/finding.ts'
import { derivedFor } from '../keys/root-keys.ts'
import { createSealing } from '../keys/sealing.ts'
import type { StoredEntry } from '../model/entry.ts'
import type { DerivedKeys } from '../model/keys.ts'
import type { Entries } from '../model/ports/stores.ts'
import type { SecurityProfile } from '../model/security-profile.ts'
import { silentLog } from '../runtime/ports.ts'
import { createServerContext } from './server-context.ts'
import { requireSchema } from './store-inspection.ts'
import { failuresOf, type TenantFailure } from './tenant-failures.ts'

type StoredEntriesCheck = {
  /** How many entries there are. */
  readonly checked: number
  /** Of entries that a server with this configuration would not use. */
  readonly errors: readonly Diagnostic[]
  readonly warnings: readonly Diagnostic[]
  /** Requirements of a security profile that the file or the store does not meet. */
  readonly findings: readonly ProfileFinding[]
  /** Tenants whose stores could not be read, or have another schema than that of this version. */
  readonly failures: readonly TenantFailure[]
}

type IssuerCheck = Omit<StoredEntriesCheck, 'failures'>

const nothing: StoredEntriesCheck = { checked: 0, errors: [], warnings: [], findings: [], failures: [] }
const pageSize = 200

/**
 * Checks the server's own store, and those of tenants with their own issuer. Rejects if the server's own does not exist, or
 * has another schema than that of this version: opening it would create or migrate it.
 * @param profile a security profile to compare the entries with.
 */
export async function checkStoredEntries(
  server: Configuration,
  profile?: SecurityProfile,
): Promise<StoredEntriesCheck> {
  const { storage } = server
  if (storage.kind === 'memory') return nothing
  await requireSchema(storage)
  const { tenantStores, derived, clock, close } = await createServerContext(server, { log: silentLog })
  try {
    const now = clock.now()
    const own = await checkIssuer(server, tenantStores.main.entries, derived, now, profile)
    const existing = new Set(await tenantStores.list())
    const all = [own.check]
    const { tenantIssuers } = own.configuration
    const stored = [...tenantIssuers.keys()].filter(name => existing.has(name))
    const failures = await failuresOf(stored, async name => {
      await requireSchema(storage, name)
      const { entries } = await tenantStores.forTenant(name)
      const tenant = tenantIssuers.get(name)!
      all.push((await checkIssuer(tenant, entries, derivedFor(derived, name), now, profile)).check)
    })
    return {
      checked: all.reduce((sum, { checked }) => sum + checked, 0),
      errors: all.flatMap(({ errors }) => errors),
      warnings: all.flatMap(({ warnings }) => warnings),
      findings: all.flatMap(({ findings }) => findings),
      failures,
    }
  } finally {
    await close()
  }
}

/** Returns the configuration with the entries that fit too. */
async function checkIssuer(
  base: Configuration,
  entries: Entries,
  derived: DerivedKeys,
  now: number,
  profile: SecurityProfile | undefined,
): Promise<{ readonly check: IssuerCheck; readonly configuration: Configuration }> {
  const { entries: source, tenant } = base
  const sealing = createSealing({ derived, purpose: 'entries' })
  const secrets = createEntrySecrets({ derived, sealing, secretPaths: source.secretPaths })
  const errors: Diagnostic[] = []
  const warnings: Diagnostic[] = []
  const read: ReadEntry[] = []
  const named = (entry: Pick<ReadEntry, 'kind' | 'id'>, diagnostic: Diagnostic): Diagnostic => ({
    ...diagnostic,
    subject: `stored in ${entry.kind}: ${JSON.stringify(entry.id)}${tenant === undefined ? '' : `, tenant ${tenant}`}`,
  })
  const readingOf = ({ kind, id, entry }: StoredEntry) => source.read(kind, entry, secrets.opener(kind, id))
  const isHidden = (stored: StoredEntry): boolean => {
    const hidden = source.written(stored.kind).has(stored.id)
    if (hidden) warnings.push(named(stored, hiddenByFile))
    return hidden
  }

  const shared = await entries.shared()
  let checked = shared.length
  for (const stored of shared) {
    if (isHidden(stored)) continue
    const reading = readingOf(stored)
    if (reading.ok) read.push(reading.read)
    else errors.push(...reading.errors.map(error => named(stored, error)))
  }
  const extension = source.extend(base, read)
  for (const { entry, diagnostic } of extension.errors)
    errors.push(entry ? named(entry, diagnostic) : diagnostic)

  for (let after: string | undefined, more = true; more; ) {
    const page = await entries.list('clients', { after, limit: pageSize })
    for (const stored of page) {
      if (isHidden(stored)) continue
      const reading = readingOf(stored)
      const parsed = extension.parseClient(reading)
      if (!parsed.ok) errors.push(...parsed.errors.map(error => named(stored, error)))
      else if (reading.ok) read.push(reading.read)
    }
    checked += page.length
    after = page.at(-1)?.id
    more = page.length > 0
  }
  for (const { entry, diagnostic } of source.warningsOf(read, now))
    if (entry) warnings.push(named(entry, diagnostic))
  const findings = profile === undefined ? [] : source.profileFindings(profile, read)
  return { check: { checked, errors, warnings, findings }, configuration: extension.configuration }
}

const hiddenByFile: Diagnostic = {
  path: '(top)',
  problem: 'the file has an entry of this name, which is used instead',
  expected: 'one of the two',
  fix: 'rename the entry of the file, or remove the stored one while a file without this name is served',
}
