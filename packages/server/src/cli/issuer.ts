/** The issuer that a command is about: the server's own, or a tenant's. What is wrong is told on standard error. */

import type { Configuration } from '../configuration/configuration.ts'
import type { IssuerFlags } from './command.ts'
import { loadOrReport } from './report.ts'

/** @param what lies in the store, for the message that `memory:` forgets it. */
export async function issuerOrReport(
  { config, tenant }: IssuerFlags,
  what: string,
): Promise<{ readonly server: Configuration; readonly issuer: Configuration } | undefined> {
  const server = await loadOrReport(config)
  if (!server) return undefined
  if (server.storage.kind === 'memory') {
    process.stderr.write(`tessera: "memory:" keeps ${what} only while the server runs\n`)
    return undefined
  }
  const issuer = tenant === undefined ? server : server.tenantIssuers.get(tenant)
  if (!issuer) {
    process.stderr.write(`tessera: no tenant "${tenant}" has an issuer of its own\n`)
    return undefined
  }
  return { server, issuer }
}

/** `name=… created_at=…` of what has a value; times as ISO 8601. */
export const lineOf = (row: object): string =>
  Object.entries(row)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${isTime(name, value) ? isoOf(value) : value}`)
    .join(' ')

const isTime = (name: string, value: unknown): value is number =>
  /_(at|from)$/.test(name) && typeof value === 'number'

const isoOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
