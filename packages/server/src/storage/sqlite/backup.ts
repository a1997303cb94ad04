/** Copies SQLite files while servers read and write them (https://sqlite.org/backup.html). */

import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { one } from './statements.ts'
import { fileOfTenant, folderBeside, placeOfTenant, tenantsBeside } from './tenant-files.ts'

/** Pages that are copied in one step. */
const rate = 1000
/** How long the snapshot of a file waits for a process that recovers it, in milliseconds. */
const busyTimeout = 30_000
/** Starts the names of folders with copies that are not complete. */
const unfinished = '.tessera-backup-'

/** A setting of the server's file that describes the files of the tenants, and the error if it changed meanwhile. */
type FixedSetting = { readonly name: string; readonly changed: string }

/**
 * Copies the files of the server and its tenants into a folder, under the same names, and resolves to their paths. Each
 * copy is a snapshot as of the moment at which its file was reached. The copies get their names when all of them are
 * complete. Rejects, and leaves none of them, if one already exists, if there is no database, or if the setting changed
 * meanwhile, because the copies may then not belong together.
 */
export async function backUp(file: string, folder: string, fixed: FixedSetting): Promise<readonly string[]> {
  const to = join(folder, basename(file))
  if (!existsSync(file)) throw new Error(`the database ${file} does not exist`)
  requireFree(to)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  removeUnfinished(folder)
  const started = mkdtempSync(join(folder, unfinished))
  try {
    const part = join(started, basename(file))
    const before = settingIn(file, fixed.name)
    const tenants = tenantsBeside(file)
    for (const tenant of tenants) await copy(fileOfTenant(file, tenant), placeOfTenant(part, tenant))
    // Last, so that its settings are at least as new as the tenants' files.
    await copy(file, part)
    if (settingIn(part, fixed.name) !== before) throw new Error(fixed.changed)
    requireFree(to)
    publish(part, to)
    return [to, ...tenants.map(tenant => fileOfTenant(to, tenant))]
  } finally {
    rmSync(started, { recursive: true, force: true })
  }
}

/** Throws if a name that the copies need is in use. A folder without files is not. */
function requireFree(to: string): void {
  const folder = folderBeside(to)
  if (existsSync(to)) throw new Error(`${to} already exists`)
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Error(`${folder} already exists`)
}

/** Removes what a killed run left. A run at the same time then fails: it no longer finds its copies. */
function removeUnfinished(folder: string): void {
  for (const name of readdirSync(folder))
    if (name.startsWith(unfinished)) rmSync(join(folder, name), { recursive: true, force: true })
}

/** Gives the copies their names, the server's file last: where it exists, the set is complete. */
function publish(part: string, to: string): void {
  const [from, folder] = [folderBeside(part), folderBeside(to)]
  const hasTenants = existsSync(from)
  if (hasTenants) {
    if (existsSync(folder)) rmdirSync(folder)
    renameSync(from, folder)
  }
  try {
    renameSync(part, to)
  } catch (error) {
    if (hasTenants) rmSync(folder, { recursive: true })
    throw error
  }
}

async function copy(from: string, to: string): Promise<void> {
  const database = openToRead(from)
  try {
    // A read transaction. SQLite starts a backup again whenever another connection wrote between two of its steps, so
    // that it would never end beside a busy server.
    database.exec('begin; select 1 from sqlite_schema')
    // Created first with its mode, so that other users can't read it while it is written.
    closeSync(openSync(to, 'wx', 0o600))
    await backup(database, to, { rate })
  } finally {
    database.close()
  }
}

function settingIn(file: string, name: string): unknown {
  const database = openToRead(file)
  try {
    return one(database, 'select value from settings where name = ?')(name)?.[0]
  } finally {
    database.close()
  }
}

function openToRead(file: string): DatabaseSync {
  if (!existsSync(file)) throw new Error(`the database ${file} does not exist`)
  return new DatabaseSync(file, { readOnly: true, timeout: busyTimeout })
}
