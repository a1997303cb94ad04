/**
 * Handles one request at a time for each connection (RFC 9112 §9.3.2). Node parses all requests that a client
 * pipelines. They wait here while the connection is paused, so that only this client is delayed.
 */

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export type Pipelines = {
  /**
   * Calls `start` when all earlier responses of the connection have been sent, with whether the request was pipelined.
   * Does not call it if the connection ends first.
   */
  readonly inOrder: (response: ServerResponse, socket: Socket, start: (ahead: boolean) => void) => void
  /** Returns whether the connection is about to end because too many requests were sent ahead. */
  readonly isOver: (socket: Socket) => boolean
}

/** Node parses a whole read of 64 KiB before it can be stopped: thousands of the shortest requests. */
const mostWaitingOnOne = 256
const mostWaitingOnAll = 16_384

type Count = { waiting: number; over: boolean }

export function createPipelines(): Pipelines {
  const counts = new WeakMap<Socket, Count>()
  let onAll = 0

  const countOf = (socket: Socket): Count => {
    const before = counts.get(socket)
    if (before) return before
    const count = { waiting: 0, over: false }
    counts.set(socket, count)
    // Node resumes the socket for the body of each request.
    socket.on('resume', () => {
      if (count.waiting > 0) socket.pause()
    })
    let { stackTraceLimit } = Error
    // Node's own listener creates an error for each waiting request. Their stacks would take longer than all other work.
    socket.prependOnceListener('close', () => {
      stackTraceLimit = Error.stackTraceLimit
      Error.stackTraceLimit = 0
    })
    socket.once('close', () => {
      Error.stackTraceLimit = stackTraceLimit
      onAll -= count.waiting
      count.waiting = 0
    })
    return count
  }

  return {
    isOver: socket => counts.get(socket)?.over ?? false,
    inOrder(response, socket, start) {
      // Node assigns the socket to a response when the previous one is finished.
      if (response.socket !== null) {
        start(false)
        return
      }
      if (socket.destroyed) return
      const count = countOf(socket)
      count.waiting += 1
      onAll += 1
      // RFC 9112 §9.3.2: a client that pipelines requests must expect the connection to be closed.
      if (count.waiting > mostWaitingOnOne || onAll > mostWaitingOnAll) {
        count.over = true
        socket.pause()
        // After the read has been parsed: for a destroyed socket, each further request costs Node three times as much.
        process.nextTick(() => socket.destroy())
        return
      }
      socket.pause()
      response.once('socket', () => {
        if (socket.destroyed) return
        count.waiting -= 1
        onAll -= 1
        if (count.waiting === 0) socket.resume()
        start(true)
      })
    },
  }
}
