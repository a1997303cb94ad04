/** Which tokens open the metrics, how many series there may be, and which log fields are secret. */

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { createCounter } from '../../packages/server/src/operations/metrics/counting.ts'
import { createMetricsEndpoint } from '../../packages/server/src/operations/metrics/endpoint.ts'
import { createMetrics } from '../../packages/server/src/operations/metrics/metrics.ts'
import { createOverloadLog } from '../../packages/server/src/operations/overload.ts'
import { secretFields } from '../../packages/server/src/operations/secret-fields.ts'
import type { MetricsExchange } from '../../packages/server/src/runtime/metrics.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createClock } from '../keys/keys.ts'

test('metrics: a token is accepted until it expires, and an argon2id hash never is', async () => {
  const clock = createClock()
  const value = 'a-token-of-some-length'
  const sha256 = { kind: 'sha256', hash: hash('sha256', value, 'buffer') } as const
  const statusWith = async (token: object) => {
    const endpoint = createMetricsEndpoint({
      clock,
      tokens: () => [token as never],
      read: async () => ({ processes: [], ended: {}, deaths: 0 }),
    })
    const headers = { authorization: `Bearer ${value}` }
    return (await endpoint({ headers } as never)).status
  }
  assert.equal(await statusWith(sha256), 200)
  assert.equal(await statusWith({ ...sha256, expires_at: clock.now() + 1 }), 200)
  assert.equal(await statusWith({ ...sha256, expires_at: clock.now() }), 401)
  const sha512 = { kind: 'sha512', hash: hash('sha512', value, 'buffer') } as const
  assert.equal(await statusWith(sha512), 200)
  assert.equal(await statusWith({ ...sha512, hash: hash('sha512', 'other', 'buffer') }), 401)
  assert.equal(await statusWith({ kind: 'argon2id', encoded: '$argon2id$v=19$m=8,t=1,p=1$x$y' }), 401)
})

test('metrics: a label has at most a thousand values, and all others are counted as one', () => {
  const counter = createCounter('things', 'name')
  for (let index = 0; index < 1100; index++) counter.add(`value-${index}`)
  counter.add('value-0')
  const series = counter.read()
  assert.equal(Object.keys(series).length, 1001)
  assert.equal(series['things{name="other"}'], 100)
  assert.equal(series['things{name="value-0"}'], 2)
})

test('metrics: an unknown reason is counted as other', t => {
  let own: Parameters<MetricsExchange['report']>[0] = () => assert.fail('the metrics are not reported')
  const metrics = createMetrics({
    ...{ clock: createClock(), tokens: () => [], underWay: () => 0 },
    exchange: {
      report: (read: typeof own) => {
        own = read
      },
      collect: async () => ({ processes: [], ended: {}, deaths: 0 }),
    },
  })
  t.after(metrics.stop)
  const log = metrics.listen(silentLog)
  for (const reason of ['code_expired', 'A "reason"', 'x'.repeat(65), '', undefined, 7])
    log.info('refused', { reason })
  const { counters } = own()
  assert.equal(counters['tessera_refusals_total{reason="code_expired"}'], 1)
  assert.equal(counters['tessera_refusals_total{reason="other"}'], 5)
})

test('overload: a queue that rejects work logs it immediately, and then the count every ten seconds', () => {
  const clock = createClock()
  const lines: unknown[] = []
  const log = { ...silentLog, warn: (_: string, fields?: object) => void lines.push(fields) }
  const refused = createOverloadLog({ log, clock, queue: 'hashes' })
  for (let times = 0; times < 3; times++) refused()
  assert.deepEqual(lines.splice(0), [{ queue: 'hashes', refused: 1 }])
  clock.advance(9)
  refused()
  assert.deepEqual(lines.splice(0), [])
  clock.advance(1)
  refused()
  assert.deepEqual(lines, [{ queue: 'hashes', refused: 4 }])
})

test('log: exactly these field names are censored', () => {
  assert.deepEqual(
    [...secretFields].toSorted(),
    [
      ...['access_token', 'actor_token', 'assertion', 'authorization', 'client_assertion', 'client_secret'],
      ...['code', 'code_verifier', 'cookie', 'device_code', 'id_token', 'id_token_hint', 'password'],
      ...['refresh_token', 'subject_token', 'token', 'user_code'],
    ].toSorted(),
  )
})
