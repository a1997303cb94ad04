/** Sign-ins with the database 20 ms away (there and back): from one network, whose guesses are counted in one row, and from many. */

import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { openDelayedTcp } from '../support/delayed-tcp.ts'
import { startPostgres } from '../support/postgres.ts'
import { basic, createTestServer, formOf, type TestServer } from '../support/tessera.ts'
import type { ExperimentOptions, Report } from './experiment.ts'

/** Milliseconds. */
const delay = 20
const atOnce = 50
const people = 500

const configuration = {
  users: Array.from({ length: people }, (_, n) => ({ sub: `${n}`, username: `user${n}`, password: 'right' })),
  api_scopes: [{ name: 'api1' }],
  clients: [
    { client_id: 'web', client_secrets: [{ value: 'secret' }], grant_types: ['password'], scope: 'api1' },
  ],
}

/** Resolves to the number of responses of each status. */
async function measure(server: TestServer, seconds: number, networkOf: (n: number) => string) {
  const statuses: Record<number, number> = {}
  const end = performance.now() + seconds * 1000
  let next = 0
  async function signInRepeatedly() {
    while (performance.now() < end) {
      const n = next++
      const { status } = await server.handle({
        ...{ id: `${n}`, method: 'POST', path: '/connect/token', query: '' },
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic('web', 'secret') },
        body: formOf({
          ...{ grant_type: 'password', username: `user${n % people}`, password: 'right', scope: 'api1' },
        }),
        peer: { address: networkOf(n) },
      })
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, signInRepeatedly))
  return statuses
}

const networks: Readonly<Record<string, (n: number) => string>> = {
  'one network': () => '192.0.2.1',
  'many networks': n => `198.51.${n % 100}.${n % 250}`,
}

export async function run({ long }: ExperimentOptions): Promise<Report> {
  // Each of the concurrent clients finishes what it has begun, however short this is.
  const seconds = long ? 9 : 0.5
  const postgres = await startPostgres({ durable: true })
  const url = new URL(await postgres.database())
  const proxy = await openDelayedTcp({ host: url.hostname, port: Number(url.port) }, delay / 2)
  url.port = String(proxy.port)
  const tenantStores = await openPostgresTenantStores({ url: url.href })
  const server = await createTestServer(configuration, { tenantStores })
  const rows: (string | number)[][] = []
  const broken: string[] = []
  try {
    for (const [name, networkOf] of Object.entries(networks)) {
      const { 200: good = 0, ...other } = await measure(server, seconds, networkOf)
      rows.push([name, seconds, good, JSON.stringify(other)])
      if (good === 0 || Object.keys(other).length > 0)
        broken.push(`from ${name}: ${good} sign-ins, others by status: ${JSON.stringify(other)}`)
    }
    // A lock held over several round trips would allow at most one sign-in for each of these.
    const most = (seconds * 1000) / delay
    const [one = 0] = rows.map(([, , good]) => Number(good))
    if (long && one < most) broken.push(`from one network ${one} sign-ins, as if one waited for another`)
  } finally {
    await server.close()
    await tenantStores.close()
    await proxy.close()
    await postgres.remove()
  }
  return { columns: ['from', 'seconds', 'sign-ins', 'other responses'], rows, broken }
}
