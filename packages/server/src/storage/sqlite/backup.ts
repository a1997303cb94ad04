/** Copies SQLite files while servers read and write them (https://sqlite.org/backup.html). */

import { closeSync, existsSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { fileOfTenant, placeOfTenant, tenantsBeside } from './tenant-files.ts'

/** Pages that are copied in one step. Writers continue between two steps. */
const rate = 1000

/**
 * Copies the files of the server and its tenants into a folder, under the same names. Each copy is a snapshot. Rejects
 * if a copy already exists, or if there is no database.
 */
export async function backUp(file: string, folder: string): Promise<readonly string[]> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const to = join(folder, basename(file))
  const copies = [await copy(file, to)]
  for (const tenant of tenantsBeside(file))
    copies.push(await copy(fileOfTenant(file, tenant), placeOfTenant(to, tenant)))
  return copies
}

async function copy(from: string, to: string): Promise<string> {
  if (existsSync(to)) throw new Error(`${to} already exists`)
  if (!existsSync(from)) throw new Error(`the database ${from} does not exist`)
  const database = new DatabaseSync(from, { readOnly: true })
  // Created first with its mode, so that other users can't read it while it is written.
  closeSync(openSync(to, 'wx', 0o600))
  try {
    await backup(database, to, { rate })
  } catch (error) {
    rmSync(to)
    throw error
  } finally {
    database.close()
  }
  return to
}
