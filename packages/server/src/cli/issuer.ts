/** Finds the issuer of a command: the server's own or a tenant's. Writes errors to standard error. */

import type { Configuration } from '../configuration/configuration.ts'
import { escaped } from '../operations/output/escaped-text.ts'
import { writeError } from '../operations/output/standard-output.ts'
import type { ExitCode, IssuerFlags } from './command.ts'
import { loadOrReport } from './report.ts'

/** With `dryRun`, nothing is created, migrated or recorded. */
type OpenFlags = IssuerFlags & { readonly dryRun?: boolean }

/** @param what the kind of data, for the error about `memory:`. */
export async function issuerOrReport(
  { config, tenant, dryRun }: OpenFlags,
  what: string,
): Promise<{ readonly server: Configuration; readonly issuer: Configuration } | undefined> {
  const server = await loadOrReport(config)
  if (!server) return undefined
  if (server.storage.kind === 'memory') {
    writeError(
      `tessera: with storage "memory:", ${what} exist only in the server process; use sqlite: or postgres:\n`,
    )
    return undefined
  }
  const issuer = await tenantIssuerOrReport(server, tenant, dryRun)
  return issuer && { server, issuer }
}

/**
 * Opens something of an issuer for a command, while servers may be running, and closes it after the command.
 * @param what as for `issuerOrReport`.
 * @param opener loads the module too, because most commands need others.
 */
export async function withOpened<Opened extends { readonly close: () => Promise<void> }>(
  flags: OpenFlags,
  what: string,
  opener: (server: Configuration, issuer: Configuration) => Promise<Opened>,
  use: (opened: Opened) => Promise<ExitCode>,
): Promise<ExitCode> {
  const found = await issuerOrReport(flags, what)
  if (!found) return 1
  const opened = await opener(found.server, found.issuer)
  try {
    return await use(opened)
  } finally {
    await opened.close()
  }
}

/** Opens the server's own store only if the tenant is not in the file. */
export async function tenantIssuerOrReport(
  server: Configuration,
  tenant: string | undefined,
  dryRun = false,
): Promise<Configuration | undefined> {
  if (tenant === undefined) return server
  const issuer = server.tenantIssuers.get(tenant) ?? (await storedTenant(server, tenant, dryRun))
  if (!issuer) writeError(`tessera: no tenant "${escaped(tenant)}" with its own issuer\n`)
  return issuer
}

/** Returns whether the tenant has its own issuer, in the file or in the store. */
export async function tenantIssuerNamed(config: string, tenant: string): Promise<boolean> {
  const server = await loadOrReport(config)
  return (
    server !== undefined &&
    (server.tenantIssuers.has(tenant) || (await storedTenant(server, tenant)) !== undefined)
  )
}

/** Returns the issuer of a tenant that was made while a server runs. */
const storedTenant = async (
  server: Configuration,
  name: string,
  dryRun = false,
): Promise<Configuration | undefined> =>
  server.storage.kind === 'memory'
    ? undefined
    : (await import('../app/administration.ts')).findTenantIssuer(server, name, { dryRun })

/** Returns `name=… created_at=…` without undefined values; times in ISO 8601. A value can't begin another line. */
export const lineOf = (row: object): string =>
  Object.entries(row)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${isTime(name, value) ? isoOf(value) : escaped(String(value))}`)
    .join(' ')

const isTime = (name: string, value: unknown): value is number =>
  /(^|_)(at|from|until)$/.test(name) && typeof value === 'number'

const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
