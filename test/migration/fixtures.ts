/** The fixtures of migrations, and the importer of each. */

import { importerOf } from '../../packages/server/src/migration/importers.ts'
import { type Importer, type Migration, migrate } from '../../packages/server/src/migration/migrate.ts'
import { readSourceFile } from '../../packages/server/src/migration/source-file.ts'

/** Importer → the files of each fixture, which are read together. */
export const fixtures: Readonly<Record<string, readonly (readonly string[])[]>> = {
  auth0: [['auth0-tenant.yaml', 'auth0-users.ndjson', 'auth0-hashes.ndjson'], ['auth0-import.json']],
  hydra: [['hydra-clients.json']],
  identityserver: [['identityserver4-quickstart.json'], ['identityserver4-tables.json']],
  keycloak: [['keycloak-realm.json'], ['keycloak-folder-realm.json', 'keycloak-folder-users-0.json']],
  'oidc-provider': [['oidc-provider-configuration.mjs']],
}

export const importerNamed = (name: string): Importer => {
  const importer = importerOf(name)
  if (!importer) throw new Error(`no importer ${name}`)
  return importer
}

export async function readFixture(file: string): Promise<unknown> {
  const path = new URL(`fixtures/${file}`, import.meta.url).pathname
  const outcome = await readSourceFile(path, { acceptsModules: true })
  if (!outcome.ok) throw new Error(outcome.problem)
  return outcome.file.value
}

/** 2026-09-21. */
export const at = 1_790_000_000

export async function migrateFixture(importer: string, ...files: readonly string[]): Promise<Migration> {
  const sources = await Promise.all(files.map(async name => ({ name, value: await readFixture(name) })))
  return migrate(importerNamed(importer), sources, at)
}
