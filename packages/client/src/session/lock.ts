/** Locks, so that a refresh token is used by one tab or process at a time. */

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

/** Creates a lock for one process: work with the same name runs one after another. */
export function createLock(): Lock {
  const last = new Map<string, Promise<unknown>>()
  return async (name, work) => {
    const before = last.get(name)
    const run = (async () => {
      await before?.catch(() => undefined)
      return work()
    })()
    last.set(name, run)
    try {
      return await run
    } finally {
      if (last.get(name) === run) last.delete(name)
    }
  }
}
