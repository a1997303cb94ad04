/** Tenants with their own issuers, all of them active and called in turn. */

import { randomBytes } from 'node:crypto'
import { askInTurn } from '../load/connection.ts'
import { clientCredentialsForm, post } from '../load/requests.ts'
import { measure } from '../measure.ts'
import { api, machine } from '../parties.ts'
import type { Row } from '../rows/row.ts'
import { checkTokens } from '../rows/token-answer.ts'
import { temporaryDirectory } from '../servers/process.ts'
import { paths, startTessera } from '../servers/tessera.ts'
import { configuration } from '../servers/tessera-configuration.ts'
import { type Curve, type Point, sizesFor } from './curve.ts'
import { makeSleepingTenants } from './sleeping-tenants.ts'

const sizes = sizesFor({ quick: [1, 5], full: [1, 10, 100, 1000] })

const requestsOf = (names: readonly string[]): readonly string[] =>
  names.map(name => post(`/t/${name}${paths.token}`, machine, clientCredentialsForm(api.scope)))

const rowOf = (requests: readonly string[]): Row => ({
  name: 'client_credentials, JWT ES256',
  endpoint: 'token',
  work() {
    let asked = 0
    return { next: () => requests[asked++ % requests.length], check: checkTokens('jwt') }
  },
  prove: async () => {},
})

export const tenantsCurve: Curve = {
  name: 'tenants',
  along: 'tenants with their own issuers',
  waited: 'First response of an evicted tenant',
  async measure(plan) {
    const points: Point[] = []
    for (const at of sizes(plan)) {
      const names = Array.from({ length: at }, (_, index) => `tenant-${index}`)
      const masterKey = randomBytes(32)
      const directory = temporaryDirectory('tenants')
      await makeSleepingTenants(directory, names, masterKey)
      const server = await startTessera({
        directory,
        env: { TESSERA_MASTER_KEY: masterKey.toString('base64url') },
        configuration: {
          tenants: names.map(name => ({ name, issuer: 'path', clients: configuration.clients.slice(0, 1) })),
        },
      })
      const requests = requestsOf(names)
      const before = performance.now()
      await askInTurn(server.port, requests)
      const waitedMs = (performance.now() - before) / at
      const row = rowOf(requests)
      points.push({ at, work: row.name, runs: [await measure(server, row, plan)], waitedMs })
      await server.stop()
    }
    return points
  },
}
