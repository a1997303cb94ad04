/**
 * Whether the client of a request still waits for the response. A closed connection may look like a half-closed one: both
 * sent their FIN, and only the answer to our next bytes tells them apart (RFC 9293 §3.6: the closed one resets).
 */

import type { Socket } from 'node:net'

export type Presence = {
  /** Resolves to false once the client is known to be gone. Reads the connection before it says so. */
  readonly connected: () => Promise<boolean>
  /** Returns the part of the response that the probe has written; the rest must follow it. */
  readonly begun: () => string
}

/** How each response begins, in two pieces: the reset comes in return for the first and meets the second. */
const pieces = ['HTTP/', '1.1 '] as const

/** Milliseconds for a reset to come back: more than a round trip around the world. */
const roundTripMs = 500

export function createPresence(socket: Socket): Presence {
  let probing: Promise<boolean> | undefined
  return {
    async connected() {
      await nextRead()
      if (socket.destroyed) return false
      // Only a connection that is being read shows that it ended.
      if (!socket.readableEnded && !socket.isPaused()) return true
      probing ??= probe(socket)
      return (await probing) && !socket.destroyed
    },
    begun: () => (probing ? pieces.join('') : ''),
  }
}

/**
 * Looks at the connection of an application's server without writing to it. Such a server answers a client's end with
 * its own by default, so an ended connection is a closed one.
 */
export const observePresence = (socket: Socket): Presence => ({
  async connected() {
    await nextRead()
    return !socket.destroyed && socket.writable
  },
  begun: () => '',
})

/** Whether the connection was already read to its end: its client sends nothing more and may be gone. */
export const mayBeGone = (socket: Socket): boolean => socket.destroyed || socket.readableEnded

/** Resolves when the event loop has asked all sockets for news once more. */
export async function nextRead(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise(resolve => setImmediate(resolve))
}

function probe(socket: Socket): Promise<boolean> {
  const [first, second] = pieces
  return new Promise(resolve => {
    socket.once('close', () => resolve(false))
    socket.write(first)
    setTimeout(() => {
      if (socket.destroyed) return
      socket.write(second, error => resolve(!error))
      // A client that reads nothing keeps both pieces here, but it is there.
      setTimeout(() => resolve(!socket.destroyed), roundTripMs)
    }, roundTripMs)
  })
}
