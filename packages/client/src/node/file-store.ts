/** Tokens in a file. */

import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { SessionStore } from '../session/session-store.ts'
import { parseSession } from '../session/session-tokens.ts'
import { isRunning } from './process.ts'

/**
 * Returns a store that is a file which only its owner can read. It is replaced as a whole, so that a process which is
 * killed leaves the older or the newer tokens. What was saved or cleared survives a power failure, where the system can
 * synchronize folders. The tokens are not encrypted.
 */
export function fileStore(path: string): SessionStore {
  return {
    async load() {
      try {
        return parseSession(await readFile(path, 'utf8'))
      } catch (error) {
        if ((error as { code?: string }).code === 'ENOENT') return undefined
        throw error
      }
    },
    async save(tokens) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      // A new name for each call, and no file or link of others: in a shared folder, they could prepare one.
      const temporary = `${path}.${process.pid}.${randomUUID()}.tmp`
      try {
        const file = await open(temporary, 'wx', 0o600)
        try {
          await file.writeFile(JSON.stringify(tokens))
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(temporary, path)
        await syncFolder(dirname(path))
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined)
        throw error
      }
    },
    async clear() {
      await rm(path, { force: true })
      await syncFolder(dirname(path))
      // Also what killed processes have left. Others may be writing at the moment.
      const [folder, prefix] = [dirname(path), `${basename(path)}.`]
      const names = await readdir(folder).catch(() => [])
      const left = names.filter(name => {
        const [, pid] = name.startsWith(prefix)
          ? (/^(\d+)\.(?:[\w-]+\.)?tmp$/.exec(name.slice(prefix.length)) ?? [])
          : []
        return pid !== undefined && !isRunning(Number(pid))
      })
      await Promise.all(left.map(name => rm(join(folder, name), { force: true })))
    },
  }
}

/** Windows does not open folders; some file systems do not synchronize them; a folder may be writable only. */
const unsupported = new Set(['EPERM', 'EISDIR', 'EACCES', 'EINVAL', 'ENOTSUP', 'ENOENT'])

/** Writes the names in a folder to the disk: a new name is stored there, and not with the file. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch (error) {
    if (!unsupported.has((error as { code?: string }).code ?? '')) throw error
  }
}
