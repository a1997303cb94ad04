/**
 * `npm run test:on -- sqlite` (or `postgres`): the flows and attacks with servers on that store, or the files that are
 * named. One PostgreSQL serves the whole run.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { sharedServer, startPostgres } from './support/postgres.ts'

const [kind = '', ...named] = process.argv.slice(2)
const files = named.length > 0 ? named : globSync('test/{flows,attacks}/*.test.ts').toSorted()

async function runOn(storage: string): Promise<number> {
  const runner = ['--test', '--test-concurrency=2', '--test-reporter=spec', ...files]
  const child = spawn(process.execPath, runner, {
    stdio: 'inherit',
    env: { ...process.env, TESSERA_TEST_STORAGE: storage },
  })
  // A terminal interrupts both: the database is stopped after the tests.
  process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill())
  const [code] = await once(child, 'exit')
  return code ?? 1
}

const shared = process.env[sharedServer]
if (kind === 'postgres' && shared) {
  process.exitCode = await runOn(shared)
} else if (kind === 'postgres') {
  const server = await startPostgres({ connections: 400 })
  process.exitCode = await runOn(server.address).finally(server.remove)
} else {
  process.exitCode = await runOn(kind)
}
