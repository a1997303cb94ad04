/**
 * Verifies passkeys in a thread, which starts with the first of them. The library takes 0.2 s of CPU time to load, and more
 * than a second on a busy machine. Loaded here, it would delay all requests of that time; loaded before the server listens,
 * it would delay each start, and take 12 MB of servers without passkeys.
 */

import { createFairQueue } from '../runtime/async/fair-queue.ts'
import { networkPath } from '../runtime/network.ts'
import { StoreUnavailable } from '../runtime/ports.ts'
import { startThread } from '../runtime/thread.ts'
import type { Answer, Call, PasskeyVerification } from './passkey-verification.ts'

/** `from`: the network of the request. Networks take turns. */
type PasskeyThread = {
  readonly [Name in keyof PasskeyVerification]: (
    options: Parameters<PasskeyVerification[Name]>[0],
    from: string,
  ) => ReturnType<PasskeyVerification[Name]>
}

/** One in the thread, and one that it takes up next: all others can still make way for another network. */
const concurrent = 2
/** Calls of all networks. A response has up to 16 KB. */
const waiting = 500
/** Milliseconds that a call may wait. */
const longest = 10_000

/**
 * Each method rejects with `StoreUnavailable` (503) if the thread fails or takes too long; the next call starts another. It
 * rejects with `QueueFull` (503) if too many calls wait.
 *
 * @param limit milliseconds for one call, with the start of the thread.
 */
export function createPasskeyThread({
  module = new URL('./passkey-verification.ts', import.meta.url),
  limit = 20_000,
} = {}): PasskeyThread {
  let current: OpenThread | undefined
  const queue = createFairQueue({ concurrent, waiting, longest, networksOf: networkPath })
  const call =
    (name: keyof PasskeyVerification) =>
    (options: object, from: string): Promise<never> =>
      queue.run(from, () => {
        if (!current?.isOpen()) current = openThread(module, limit)
        return current.call(name, options) as Promise<never>
      })
  return { authentication: call('authentication'), registration: call('registration') }
}

/** Shared by all issuers of the process. */
export const passkeyThread = createPasskeyThread()

type OpenThread = {
  readonly isOpen: () => boolean
  readonly call: (name: keyof PasskeyVerification, options: object) => Promise<unknown>
}

type Waiting = Pick<PromiseWithResolvers<unknown>, 'resolve' | 'reject'>

/** Keeps the process alive only while a call waits. */
function openThread(module: URL, limit: number): OpenThread {
  const worker = startThread(module, { name: 'passkeys' })
  const waiting = new Map<number, Waiting>()
  let calls = 0
  let open = true

  function end(cause: Error): void {
    open = false
    for (const { reject } of waiting.values())
      reject(new StoreUnavailable('passkeys could not be verified', { cause }))
    waiting.clear()
    worker.terminate()
  }
  worker.on('message', ([id, result]: Answer) => waiting.get(id)?.resolve(result))
  worker.on('error', end)
  worker.on('exit', code => end(new Error(`the thread ended with ${code}`)))

  return {
    isOpen: () => open,
    async call(name, options) {
      const id = ++calls
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      waiting.set(id, { resolve, reject })
      const timer = setTimeout(() => end(new Error(`the thread took more than ${limit} ms`)), limit)
      worker.ref()
      try {
        worker.postMessage([id, name, options as never] satisfies Call)
        return await promise
      } finally {
        clearTimeout(timer)
        waiting.delete(id)
        if (waiting.size === 0) worker.unref()
      }
    },
  }
}
