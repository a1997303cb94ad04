/** Locks, so that a refresh token is used by one tab or process at a time. */

import type { Seconds } from '@tessera/protocol/brand'
import { timerMilliseconds } from '../sleep.ts'

/**
 * Runs work while nothing else runs with the same name, and returns its value. The lock is released when the work ends,
 * also if it fails. It must be released too if the process that holds it is killed.
 *
 * `@tessera/client/browser` has one for the tabs of a browser, and `@tessera/client/node` one for processes that share a
 * folder. With PostgreSQL, processes on several machines can use an advisory lock, which ends with its connection:
 *
 * ```ts
 * const lock: Lock = async (name, work) => {
 *   const connection = await pool.connect()
 *   // Without a listener, the process would end when the database closes the connection.
 *   connection.on('error', () => undefined)
 *   const key = [`tessera ${name}`]
 *   try {
 *     await connection.query(`set lock_timeout = '60s'`)
 *     await connection.query('select pg_advisory_lock(hashtextextended($1, 0))', key)
 *     return await work()
 *   } finally {
 *     // Closes the connection, which also releases the lock.
 *     connection.release(true)
 *   }
 * }
 * ```
 */
export type Lock = <Value>(name: string, work: () => Promise<Value>) => Promise<Value>

export type LockOptions = {
  /** Seconds to wait for the lock before the call rejects; the default is no limit. */
  readonly timeout?: Seconds | undefined
}

/** Creates a lock for one process: work with the same name runs one after another. */
export function createLock({ timeout }: LockOptions = {}): Lock {
  const last = new Map<string, Promise<void>>()
  return (name, work) =>
    new Promise((resolve, reject) => {
      const before = last.get(name)
      let isLate = false
      const expire = (): void => {
        isLate = true
        reject(new Error(`the lock "${name}" was not free within ${timeout} s`))
      }
      const timer =
        before && timeout !== undefined ? setTimeout(expire, timerMilliseconds(timeout)) : undefined
      // A call that is late keeps its place, so that the next one still waits for the work before both.
      const run = (async () => {
        await before
        clearTimeout(timer)
        if (!isLate) await (async () => work())().then(resolve, reject)
      })()
      last.set(name, run)
      void run.then(() => {
        if (last.get(name) === run) last.delete(name)
      })
    })
}
