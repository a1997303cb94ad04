/**
 * Measures sign-ins with the database 20 ms away: from one network and from many. Run it on a quiet machine:
 * `npm exec -- node test/contracts/distant-sign-ins.ts [SECONDS] [DELAY]`, DELAY in milliseconds there and back.
 */

import { openPostgresStorehouse } from '../../packages/server/src/stores/postgres/storehouse.ts'
import { openDelayedTcp } from '../support/delayed-tcp.ts'
import { startPostgres } from '../support/postgres.ts'
import { basic, createTestServer, formOf } from '../support/tessera.ts'

const [seconds = 9, delay = 20] = process.argv.slice(2).map(Number)
const atOnce = 50
const people = 500

const postgres = await startPostgres({ durable: true })
const url = new URL(await postgres.database())
const proxy = await openDelayedTcp({ host: url.hostname, port: Number(url.port) }, delay / 2)
url.port = String(proxy.port)
const storehouse = await openPostgresStorehouse({ url: url.href })
const server = await createTestServer(
  {
    users: Array.from({ length: people }, (_, n) => ({
      sub: `${n}`,
      username: `user${n}`,
      password: 'right',
    })),
    api_scopes: [{ name: 'api1' }],
    clients: [
      { client_id: 'web', client_secrets: [{ value: 'secret' }], grant_types: ['password'], scope: 'api1' },
    ],
  },
  { storehouse },
)

/** Sign-ins answered, and the other answers by status. */
async function measure(networkOf: (n: number) => string) {
  const answers: Record<number, number> = {}
  const end = performance.now() + seconds * 1000
  let next = 0
  async function signIn() {
    while (performance.now() < end) {
      const n = next++
      const { status } = await server.handle({
        ...{ id: `${n}`, method: 'POST', path: '/connect/token', query: '' },
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic('web', 'secret') },
        body: formOf({
          grant_type: 'password',
          username: `user${n % people}`,
          password: 'right',
          scope: 'api1',
        }),
        peer: { address: networkOf(n) },
      })
      answers[status] = (answers[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, signIn))
  return answers
}

const report = (what: string, answers: Record<number, number>) =>
  console.log(`${what}: ${answers[200] ?? 0} sign-ins in ${seconds} s`, JSON.stringify(answers))
console.log(`PostgreSQL ${delay} ms away, ${atOnce} requests at once`)
report('from one network', await measure(() => '192.0.2.1'))
report('from many networks', await measure(n => `198.51.${n % 100}.${n % 250}`))
await server.close()
await storehouse.close()
await proxy.close()
await postgres.remove()
