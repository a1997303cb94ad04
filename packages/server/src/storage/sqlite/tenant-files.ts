/** Names the files of tenants' own issuers, in a folder beside the server's file. */

import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const ending = '.db'

/** Returns the folder beside a server's file that has the files of its tenants. */
export const folderBeside = (file: string): string => `${file}.tenants`

/** @param tenant a name that the configuration allows, so that it can't be a path. */
export const fileOfTenant = (file: string, tenant: string): string =>
  join(folderBeside(file), tenant + ending)

/** Returns the same path, and creates its folder. */
export function placeOfTenant(file: string, tenant: string): string {
  mkdirSync(folderBeside(file), { recursive: true, mode: 0o700 })
  return fileOfTenant(file, tenant)
}

/** Returns the tenants that have a file. An empty one was not created completely. */
export function tenantsBeside(file: string): readonly string[] {
  const folder = folderBeside(file)
  const files = existsSync(folder) ? readdirSync(folder) : []
  return files
    .filter(name => name.endsWith(ending) && statSync(join(folder, name)).size > 0)
    .map(name => name.slice(0, -ending.length))
}
