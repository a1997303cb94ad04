// The server that the recipes mount, and how it stops. The guide: docs/guides/embedding.md
import { createTessera, loadConfiguration } from '@tessera/server'

const loaded = await loadConfiguration({ file: 'tessera.jsonc', environment: process.env })
if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors, null, 2))

export const tessera = await createTessera(loaded.configuration, { log: console })

export function stopOnSignals(closeServer) {
  for (const signal of ['SIGTERM', 'SIGINT'])
    process.once(signal, async () => {
      tessera.drain() // /readyz responds 503, and responses close their connections
      closeServer()
      await tessera.close() // stops the jobs, and waits up to 10 s for requests, and 5 s for deliveries
    })
}
