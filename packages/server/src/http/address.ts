/** Listens at an address, at both addresses of localhost, or at a port that several processes share. */

import { type Server as Connections, createServer as createConnections } from 'node:net'

type ListenTarget = { readonly host: string; readonly port: number; readonly reusePort?: true }

/** Resolves once the server listens. Rejects if the address can't be used. */
export const started = (server: Connections, target: ListenTarget): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(target, () => {
      server.off('error', reject)
      resolve()
    })
  })

/**
 * Makes a server also accept connections at another address. Resolves to undefined if the machine does not have that
 * address.
 */
export async function listenBesides(
  server: Connections,
  target: ListenTarget,
): Promise<Connections | undefined> {
  const connections = createConnections({ allowHalfOpen: true, noDelay: true }, socket =>
    server.emit('connection', socket),
  )
  try {
    await started(connections, target)
    return connections
  } catch {
    return undefined
  }
}

/** Whether the system distributes connections (https://nodejs.org/api/net.html#serverlistenoptions-callback). Elsewhere the primary does. */
export const canShare = process.platform === 'linux' || process.platform === 'freebsd'
