/** Clients in the configuration, all of which request tokens. */

import { clientCredentialsForm, post } from '../load/requests.ts'
import { measure } from '../measure.ts'
import { api } from '../parties.ts'
import type { Row } from '../rows/row.ts'
import { checkTokens } from '../rows/token-answer.ts'
import { startTessera } from '../servers/tessera.ts'
import { configuration } from '../servers/tessera-configuration.ts'
import { type Curve, type Point, sizesFor } from './curve.ts'

const sizes = sizesFor({ quick: [10, 1000], full: [10, 1000, 10_000, 100_000] })

const party = (index: number) => ({ client_id: `client-${index}`, client_secret: `secret of ${index}` })

function clientOf(index: number) {
  const { client_id, client_secret } = party(index)
  const secrets = [{ value: client_secret }]
  return { client_id, client_secrets: secrets, grant_types: ['client_credentials'], scope: api.scope }
}

const rowOf = (count: number): Row => ({
  name: 'client_credentials, JWT ES256',
  endpoint: 'token',
  work(path) {
    // A step without a common divisor visits all clients, in an order that defeats caches.
    let index = 0
    return {
      next() {
        index = (index + 7919) % count
        return post(path, party(index), clientCredentialsForm(api.scope))
      },
      check: checkTokens('jwt'),
    }
  },
  prove: async () => {},
})

export const clientsCurve: Curve = {
  name: 'clients',
  along: 'clients in the configuration',
  waited: 'Time to listen',
  async measure(plan) {
    const points: Point[] = []
    for (const at of sizes(plan)) {
      const clients = [...configuration.clients, ...Array.from({ length: at }, (_, index) => clientOf(index))]
      const server = await startTessera({ configuration: { clients } })
      const row = rowOf(at)
      const run = await measure(server, row, plan)
      points.push({ at, work: row.name, runs: [run], waitedMs: server.startMs })
      await server.stop()
    }
    return points
  },
}
