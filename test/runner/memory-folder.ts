/** The folder of a test run, in memory where possible: thousands of databases are created, and none waits for a disk. */

import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runLimit } from './limits.ts'

const prefix = 'tessera-test-run-'
const place = '/dev/shm'

/** The bytes that must be free: several times what a run has needed. */
const needed = 6 * 1024 ** 3

export type RunFolder = {
  readonly path: string
  /** Whether the files of tests belong into it too, because it is in memory. */
  readonly inMemory: boolean
}

/** Creates the folder of a run: in memory if the system has room there, otherwise beside other temporary files. */
export async function createRunFolder(): Promise<RunFolder> {
  const inMemory = process.env.TMPDIR === undefined && isMemory() && (await hasRoom())
  if (inMemory) await removeAbandoned()
  const path = await mkdtemp(join(inMemory ? place : tmpdir(), prefix))
  // PostgreSQL runs as another user if the tests run as root.
  if (inMemory) await chmod(path, 0o711)
  return { path, inMemory }
}

/** Returns whether Linux keeps the files of this place in memory, and runs programs from it. */
function isMemory(): boolean {
  if (process.platform !== 'linux') return false
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
  const [, , type, options = ''] = mounts.findLast(line => line.split(' ')[1] === place)?.split(' ') ?? []
  return type === 'tmpfs' && !/\b(?:ro|noexec)\b/.test(options)
}

async function hasRoom(): Promise<boolean> {
  const { bavail, bsize } = await statfs(place)
  return Math.min(bavail * bsize, process.availableMemory()) >= needed
}

/** Frees the memory of this user's runs that were killed: one that is still running would have ended itself. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(place)) {
    if (!name.startsWith(prefix)) continue
    const path = join(place, name)
    const found = await stat(path).catch(() => undefined)
    if (found && found.uid === process.getuid?.() && Date.now() - found.mtimeMs > 2 * runLimit)
      await rm(path, { recursive: true, force: true })
  }
}
