/**
 * Detects whether the client of a request is still waiting for the response. A closed connection looks like a
 * half-closed one, since both sent their FIN. They differ only in the reaction to further bytes: a closed connection
 * sends a reset (RFC 9293 §3.6).
 */

import type { Socket } from 'node:net'

export type Presence = {
  /** Reads the connection, then resolves to whether the client is still connected. */
  readonly connected: () => Promise<boolean>
  /** Returns the part of the response that the probe has written; the rest must follow it. */
  readonly begun: () => string
}

/** The start of every response, in two parts: the first triggers the reset, and the second fails because of it. */
const pieces = ['HTTP/', '1.1 '] as const

/** Milliseconds to wait for a reset: more than a round trip around the world. */
const roundTripMs = 500

export function createPresence(socket: Socket): Presence {
  let probing: Promise<boolean> | undefined
  return {
    async connected() {
      await nextRead()
      if (socket.destroyed) return false
      // The end of a connection is detected only while it is being read.
      if (!socket.readableEnded && !socket.isPaused()) return true
      probing ??= probe(socket)
      return (await probing) && !socket.destroyed
    },
    begun: () => (probing ? pieces.join('') : ''),
  }
}

/**
 * Observes the connection of an application's server without writing to it. Such a server answers a client's end with
 * its own by default, so an ended connection is a closed one.
 */
export const observePresence = (socket: Socket): Presence => ({
  async connected() {
    await nextRead()
    return !socket.destroyed && socket.writable
  },
  begun: () => '',
})

/** Returns whether the connection was read to its end, after which the client may have disconnected. */
export const mayBeGone = (socket: Socket): boolean => socket.destroyed || socket.readableEnded

/** Resolves when the event loop has polled all sockets once more. */
export async function nextRead(): Promise<void> {
  for (let tick = 0; tick < 2; tick++) await new Promise(resolve => setImmediate(resolve))
}

function probe(socket: Socket): Promise<boolean> {
  const [first, second] = pieces
  return new Promise(resolve => {
    socket.once('close', () => resolve(false))
    socket.write(first)
    setTimeout(() => {
      if (socket.destroyed) return
      socket.write(second, error => resolve(!error))
      // If the client reads nothing, both pieces remain in the send buffer, but the client is connected.
      setTimeout(() => resolve(!socket.destroyed), roundTripMs)
    }, roundTripMs)
  })
}
