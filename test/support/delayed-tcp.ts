/**
 * A TCP proxy on loopback that delays all data, like a network between two data centres, and counts what clients send.
 */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type DelayedTcp = {
  readonly port: number
  /** Pieces of data that clients have sent, over all connections: at least one for each round trip. */
  readonly sent: () => number
  readonly close: () => Promise<void>
}

/** @param delay One way, in milliseconds. */
export async function openDelayedTcp(to: { host: string; port: number }, delay: number): Promise<DelayedTcp> {
  const sockets = new Set<Socket>()
  let sent = 0

  const pass = (from: Socket, into: Socket, onData: () => void): void => {
    sockets.add(from)
    from.setNoDelay(true)
    from.on('data', data => {
      onData()
      setTimeout(() => into.writable && into.write(data), delay)
    })
    from.on('close', () => {
      sockets.delete(from)
      setTimeout(() => into.destroy(), delay)
    })
    from.on('error', () => into.destroy())
  }

  const server = createServer(client => {
    const target = connect(to.port, to.host)
    pass(client, target, () => sent++)
    pass(target, client, () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => sent,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
