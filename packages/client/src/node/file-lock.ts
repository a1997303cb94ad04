/** A lock for processes that share a folder. */

import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, readlink, stat, unlink, utimes } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Seconds } from '@tessera/protocol/brand'
import { createLock, type Lock } from '../session/lock.ts'
import { sleep, timerMilliseconds } from '../sleep.ts'
import { isRunning } from './process.ts'

export type FileLockOptions = {
  /** Seconds to wait for the lock before the call rejects; the default is 60. */
  readonly timeout?: Seconds | undefined
  /**
   * Seconds without a heartbeat of the owner after which another process takes the lock over; the default is 30. On the
   * same machine, the lock of a process that has ended is taken over at once.
   */
  readonly staleAfter?: Seconds | undefined
}

/** Numbered files that are kept, so that a slow process does not create an old number again. */
const keptFiles = 4

/** The modification time of the file of an owner that has finished. Setting it needs no space on the disk. */
const released = 0

/**
 * Returns a lock that at most one process holds at a time, even if processes are killed while they hold it. The folder
 * is created if it does not exist. It must be on a local file system, or on a network file system that creates files
 * exclusively.
 *
 * To take the lock, a process creates the file with the next number, exclusively. The newest file is the lock, so no
 * file that another process relies on is removed. Lock names share 256 sequences of numbers, which limits the number of
 * files.
 */
export function fileLock(folder: string, { timeout = 60, staleAfter = 30 }: FileLockOptions = {}): Lock {
  const inThisProcess = createLock({ timeout })
  return (name, work) => {
    const sequence = createHash('sha256').update(name).digest('hex').slice(0, 2)
    const file = (number: number): string => join(folder, `${sequence}.${number}`)
    const end = performance.now() + timeout * 1000
    return inThisProcess(join(folder, sequence), async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const number = await acquire(folder, sequence, file, end, staleAfter)
      if (number === undefined) throw new Error(`the lock in ${folder} was not free within ${timeout} s`)
      let touching: Promise<void> = Promise.resolve()
      const touch = (): void => {
        touching = utimes(file(number), new Date(), new Date()).catch(() => undefined)
      }
      const alive = setInterval(touch, timerMilliseconds(staleAfter / 4))
      try {
        return await work()
      } finally {
        clearInterval(alive)
        await touching
        // Removed if others have taken the lock over several times while this process was paused.
        await utimes(file(number), released, released).catch(unless('ENOENT'))
      }
    })
  }
}

/**
 * Returns the number of the file that this process has created as the newest one.
 * @param limit the end of the wait, in milliseconds of the monotonic clock; undefined is returned then.
 */
async function acquire(
  folder: string,
  sequence: string,
  file: (number: number) => string,
  limit: number,
  staleAfter: Seconds,
): Promise<number | undefined> {
  const owner = JSON.stringify({ pid: process.pid, machine: await machine() })
  const isStale = createObserver(staleAfter)
  for (;;) {
    const numbers = await numbersIn(folder, sequence)
    const newest = Math.max(0, ...numbers)
    if (newest === 0 || (await isFree(file(newest), isStale))) {
      const own = newest + 1
      if (await createFile(file(own), owner)) {
        if (Math.max(...(await numbersIn(folder, sequence))) === own) {
          const old = numbers.filter(number => number <= own - keptFiles)
          await Promise.all(old.map(number => unlink(file(number)).catch(() => undefined)))
          return own
        }
        // Others were faster, and have removed the file that had this number.
        await unlink(file(own))
      }
    }
    if (performance.now() > limit) return undefined
    await sleep(0.01 + Math.random() * 0.04)
  }
}

async function numbersIn(folder: string, sequence: string): Promise<readonly number[]> {
  const names = await readdir(folder)
  return names
    .filter(name => name.startsWith(`${sequence}.`))
    .map(name => Number(name.slice(sequence.length + 1)))
    .filter(Number.isInteger)
}

/** Returns false if the file exists. Leaves no file without its content, which would be a lock without an owner. */
async function createFile(path: string, content: string): Promise<boolean> {
  const file = await open(path, 'wx', 0o600).catch(unless('EEXIST'))
  if (!file) return false
  try {
    await file.writeFile(content)
  } catch (error) {
    // For example on a full disk.
    await unlink(path).catch(unless('ENOENT'))
    throw error
  } finally {
    await file.close()
  }
  return true
}

/** Returns a handler that throws each error except those with this code. */
const unless =
  (code: string) =>
  (error: { readonly code?: unknown }): undefined => {
    if (error.code !== code) throw error
  }

async function isFree(path: string, isStale: (path: string, modified: number) => boolean): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path)
    if (mtimeMs === released || isStale(path, mtimeMs)) return true
    return await hasEnded(await readFile(path, 'utf8'))
  } catch (error) {
    // Removed meanwhile: there is a newer one.
    if ((error as { code?: string }).code === 'ENOENT') return false
    throw error
  }
}

/**
 * Returns a function that tells whether a file has not been touched for some time. Only this process's clock is used,
 * because the clock of a file system may differ.
 */
function createObserver(staleAfter: Seconds): (path: string, modified: number) => boolean {
  let last = ''
  let since = 0
  return (path, modified) => {
    const state = `${path} ${modified}`
    if (state !== last) since = performance.now()
    last = state
    return performance.now() - since > staleAfter * 1000
  }
}

/** Returns whether the owner was a process of this machine that does not exist any more. */
async function hasEnded(content: string): Promise<boolean> {
  let owner: { readonly pid?: unknown; readonly machine?: unknown }
  try {
    owner = JSON.parse(content) ?? {}
  } catch {
    // Being written.
    return false
  }
  return typeof owner.pid === 'number' && owner.machine === (await machine()) && !isRunning(owner.pid)
}

/**
 * Returns a name for everything within which process ids are unique: a container of a machine since it was started. Machines
 * with a common folder may have the same host name, and the first namespace of each has the same number.
 */
async function machine(): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => process.platform)
  const start = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(networkAddresses)
  return `${hostname()} ${namespace} ${start.trim()}`
}

/** Returns the addresses of the network cards. */
const networkAddresses = (): string =>
  [...new Set(Object.values(networkInterfaces()).flatMap(cards => (cards ?? []).map(({ mac }) => mac)))]
    .toSorted()
    .join(' ')
