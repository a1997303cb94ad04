/** A network that loses requests and responses. */

import type { Fetch } from '@tessera/client'

/**
 * - `before`: the request does not reach the server.
 * - `within`: the server has done its work, and the connection breaks in the middle of the response.
 * - `after`: the server has done its work, and nothing of the response arrives.
 * - `timeout`: like `after`, but the connection stays open.
 * - `proxy`: a proxy responds 502 after the server has done its work.
 * - `portal`: an HTML page replaces the server's response.
 */
export type Fault = 'before' | 'within' | 'after' | 'timeout' | 'proxy' | 'portal'
export const faults: readonly Fault[] = ['before', 'within', 'after', 'timeout', 'proxy', 'portal']

/**
 * Returns the time-out of a client for a fault, in seconds: no request of a busy machine may take longer, except the one
 * that gets no response.
 */
export const timeoutFor = (fault: Fault): number => (fault === 'timeout' ? 0.5 : 60)

export type FaultyNetwork = {
  readonly fetch: Fetch
  /** The faults of the next requests to the token endpoint; undefined is none, and a promise delays the response. */
  readonly next: (Fault | Promise<void> | undefined)[]
  /** The number of token requests. */
  readonly requests: () => number
  /** Starts counting again. */
  readonly reset: () => void
}

export function createFaultyNetwork(fetch: Fetch, path = '/connect/token'): FaultyNetwork {
  const next: (Fault | Promise<void> | undefined)[] = []
  let requests = 0
  return {
    next,
    requests: () => requests,
    reset() {
      requests = 0
    },
    async fetch(url, init) {
      if (!url.endsWith(path)) return fetch(url, init)
      requests += 1
      const fault = next.shift()
      if (fault === 'before') throw new TypeError('the connection was refused')
      const response = await fetch(url, init)
      if (typeof fault !== 'string') {
        await Promise.race([fault, aborted(init.signal ?? undefined)])
        return response
      }
      return spoil[fault](response, init.signal ?? undefined)
    },
  }
}

/** Rejects when the signal is aborted, or at once if it is already. */
const aborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason as Error)
    signal?.addEventListener('abort', () => reject(signal.reason as Error))
  })

const spoil = {
  async within(response) {
    const bytes = new Uint8Array(await response.arrayBuffer())
    const half = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        controller.enqueue(bytes.slice(0, bytes.length / 2))
      },
      pull(controller) {
        controller.error(new TypeError('the connection was reset'))
      },
    })
    return new Response(half, response)
  },
  async after() {
    throw new TypeError('the connection was reset')
  },
  timeout: (_, signal) =>
    new Promise((_, reject) => {
      const abort = (): void => reject(signal?.reason as Error)
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort)
    }),
  async proxy() {
    return new Response('Bad Gateway', { status: 502 })
  },
  async portal() {
    return new Response('<!doctype html><title>Wi-Fi</title>', { headers: { 'content-type': 'text/html' } })
  },
} as const satisfies Readonly<
  Record<Exclude<Fault, 'before'>, (response: Response, signal: AbortSignal | undefined) => Promise<Response>>
>
