/** Where a server listens: an address, both addresses of localhost, a port that several processes share. */

import { type Server as Connections, createServer as createConnections } from 'node:net'

type ListenTarget = { readonly host: string; readonly port: number; readonly reusePort?: true }

/** Resolves once it listens; rejects where it can't. */
export const started = (server: Connections, target: ListenTarget): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(target, () => {
      server.off('error', reject)
      resolve()
    })
  })

/** Hands the connections of another address to a server; undefined where the machine does not have that address. */
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

/** Where the system spreads connections (https://nodejs.org/api/net.html#serverlistenoptions-callback); elsewhere the primary hands them out. */
export const canShare = process.platform === 'linux' || process.platform === 'freebsd'
