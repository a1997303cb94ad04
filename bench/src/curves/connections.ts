/** Connections: each sends its next request as soon as it has a response. */

import { measure } from '../measure.ts'
import { clientCredentials } from '../rows/client-credentials.ts'
import { publishedRows } from '../rows/published.ts'
import { tessera } from '../servers/tessera.ts'
import { type Curve, type Point, sizesFor } from './curve.ts'

const sizes = sizesFor({ quick: [1, 64], full: [1, 8, 64, 256, 1000] })
const works = [clientCredentials[0]!, publishedRows[0]!]

export const connectionsCurve: Curve = {
  name: 'connections',
  along: 'connections',
  async measure(plan) {
    const points: Point[] = []
    for (const at of sizes(plan)) {
      const server = await tessera.start()
      for (const row of works) {
        const run = await measure(server, row, { ...plan, connections: at })
        points.push({ at, work: row.name, runs: [run] })
      }
      await server.stop()
    }
    return points
  },
}
