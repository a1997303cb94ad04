/** The edge in an application's own server: a request listener for `node:http`, Express or a Fastify route. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { settlesWithin } from '../runtime/async/promises.ts'
import { pathBelowMount, pathOf, requestOf } from './exchange.ts'
import { createListener, type Listener, type ListenerOptions } from './listener.ts'
import { plainError } from './plain-error.ts'
import type { Router } from './router.ts'

/**
 * Returns whether it handles the request. False: `next` was called.
 * @param next called for a path that Tessera does not serve. Without it, that path gets 404.
 */
export type NodeListener = (request: IncomingMessage, response: ServerResponse, next?: () => void) => boolean

export type Mounted = Pick<Listener, 'trust' | 'drain'> & {
  readonly listener: NodeListener
  /** Waits for requests in progress (`drainMs` at most), and refuses later ones. */
  readonly close: () => Promise<void>
}

export type MountedOptions = Omit<ListenerOptions, 'embedded'> & {
  /** Milliseconds that requests in progress may take after `close` is called; 10,000 by default. */
  readonly drainMs?: number
  /** Called once if the listener is mounted at a path that the issuer does not contain. */
  readonly onMisplaced: (path: string, mountPath: string) => void
  /** Called for an HTTP/2 request, which gets 505. */
  readonly onHttp2: () => void
}

export function createMounted(router: Router, options: MountedOptions): Mounted {
  const { drainMs = 10_000, onMisplaced, onHttp2 } = options
  const listener = createListener(router, { ...options, embedded: true })
  let misplaced = false

  /** Reports a mount path that is not part of the issuer, because URLs below it would be published without it. */
  const checkPlace = (raw: IncomingMessage): void => {
    const [path, below] = [pathOf(raw), pathBelowMount(raw)]
    if (misplaced || below === path || !isServed(raw, below)) return
    misplaced = true
    onMisplaced(path, path.slice(0, -below.length))
  }

  const isServed = (raw: IncomingMessage, path?: string): boolean => {
    const head = requestOf({ id: '', raw }, listener.readPeer)
    return router.serves?.(path === undefined ? head : { ...head, path }) ?? true
  }

  return {
    trust: listener.trust,
    drain: listener.drain,
    listener(raw, response, next) {
      if (raw.httpVersionMajor > 1) {
        onHttp2()
        const { status, body } = plainError(505, 'invalid_request')
        response.writeHead(status).end(body)
      } else if (next && !isServed(raw)) {
        checkPlace(raw)
        next()
        return false
      } else listener.handle(raw, response)
      return true
    },
    async close() {
      listener.drain()
      await settlesWithin(drainMs, listener.idle())
      listener.close()
    },
  }
}
