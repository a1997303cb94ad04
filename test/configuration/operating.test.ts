/** How many processes serve, how they end, and which tokens open the metrics. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { assertErrors, parsed } from './errors.ts'

test('operating: a memory store allows one process only', () => {
  assertErrors({ storage: 'memory:', workers: 2 }, [
    { path: 'workers', problem: /its own memory/, fix: /sqlite/ },
  ])
  assert.equal(parsed({ storage: 'memory:', workers: 1 }).configuration.workers, 1)
  assert.equal(parsed({ workers: 4 }).configuration.workers, 4)
  assert.equal(parsed({}).configuration.workers, undefined)
})

test('operating: a replica requires PostgreSQL', () => {
  const [storage, storage_replica] = ['postgres://db/t', 'postgres://standby/t']
  assertErrors({ storage_replica }, [{ path: 'storage_replica', problem: /only PostgreSQL/, fix: /primary/ }])
  assertErrors({ storage, storage_replica: 'sqlite:./t.db' }, [
    { path: 'storage_replica', problem: /not the address of a PostgreSQL database/, fix: /standby/ },
  ])
  assert.deepEqual(parsed({ storage, storage_replica }).configuration.storage, {
    ...{ kind: 'postgres', url: storage, poolSize: 10, replica: storage_replica },
  })
})

test('operating: an error names its flag or variable', () => {
  for (const [given, path] of [
    [{ overrides: { workers: '2' } }, '--workers'],
    [{ environment: { TESSERA_WORKERS: '2' } }, 'TESSERA_WORKERS'],
    [{ overrides: { workers: 'many' } }, '--workers'],
  ] as const) {
    const outcome = parseConfiguration({ storage: 'memory:' }, given)
    assert.deepEqual(outcome.ok ? [] : outcome.errors.map(error => error.path), [path])
  }
})

test('operating: the number of workers and delays are limited', () => {
  assertErrors({ workers: 0 }, [{ path: 'workers', problem: /./ }])
  assertErrors({ workers: 257 }, [{ path: 'workers', problem: /./ }])
  assertErrors({ drain_delay: -1 }, [{ path: 'drain_delay', problem: /./ }])
  assertErrors({ drain_delay: 301 }, [{ path: 'drain_delay', problem: /./ }])
  assert.equal(parsed({}).configuration.drainDelay, 0)
})

test('operating: a token for the metrics must be neither guessable nor slow to check', () => {
  const withToken = (token: object) => ({ metrics: { tokens: [token] } })
  assertErrors(withToken({ value: 'fifteen-letters' }), [
    { path: 'metrics.tokens[0]', problem: /guessed/, fix: /openssl rand/ },
  ])
  const argon2id = '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$ZW5jb2RlZGhhc2hlbmNvZGVkaGFzaA'
  assertErrors(withToken({ argon2id }), [
    { path: 'metrics.tokens[0]', problem: /too slow/, fix: /hash-secret/ },
  ])
  assertErrors({ metrics: { tokens: [] } }, [{ path: 'metrics.tokens', problem: /./ }])
  assertErrors({ metrics: {} }, [{ path: 'metrics.tokens', problem: /./ }])
  assert.equal(
    parsed(withToken({ value: 'sixteen-letters-' })).configuration.metrics?.tokens[0]?.kind,
    'sha256',
  )
  assert.equal(parsed({}).configuration.metrics, undefined)
})
