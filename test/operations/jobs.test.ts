/** Background jobs: started with the server, unless another process runs them. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { startJobs } from '../../packages/server/src/operations/jobs.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { accountsWorld, addUser, dora } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { logoutWorld, signInAt } from '../support/logout-world.ts'
import { createTestServer, startOfTime, type TestServer } from '../support/tessera.ts'
import { inTime, until } from '../support/until.ts'

/** Stores with a mail that the process which wrote it could not send. */
async function storesWithMail() {
  const tenantStores = createMemoryTenantStores()
  const sendMail = () => Promise.reject(new Error('away'))
  const server = await createTestServer(accountsWorld(), { tenantStores, sendMail })
  await addUser(server)
  const browser = createBrowser(server)
  await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
  await server.settled()
  await server.close()
  return tenantStores
}

const start = async (jobs: boolean): Promise<TestServer> =>
  createTestServer(accountsWorld(), { jobs, tenantStores: await storesWithMail(), at: startOfTime + 10 })

test('jobs: they start with the server, unless they are turned off', async t => {
  const without = await start(false)
  const server = await start(true)
  t.after(() => Promise.all([without.close(), server.close()]))
  const sent = await until('the mail of the earlier process is sent', async () => (await server.mails())[0])
  assert.equal(sent.to, dora.email)
  assert.deepEqual(await without.mails(), [])
  await without.runMails()
  assert.equal((await without.mails())[0]?.to, dora.email)
})

test('jobs: none runs before the server is returned or after the stop, and one that fails is logged and runs again', async () => {
  const logged: unknown[] = []
  const ignore = (): void => {}
  const log = {
    ...{ debug: ignore, info: ignore, warn: ignore },
    error: (event: string, fields?: object) => void logged.push({ event, ...fields }),
  }
  const runs = { failing: 0, lasting: 0, later: 0 }
  const never = new Promise<void>(() => {})
  const stop = startJobs(
    [
      {
        async run() {
          runs.failing++
          throw new Error('away', { cause: new Error('no route') })
        },
        failed: 'clean_up_failed',
        every: 0.001,
        first: 0,
      },
      {
        async run() {
          runs.lasting++
          await never
        },
        failed: 'mails_failed',
        every: 0.001,
      },
    ],
    log,
  )
  assert.equal(runs.failing, 0)
  await until('the job ran several times', () => runs.failing > 3)
  stop()
  const line = { event: 'clean_up_failed', error: 'Error: away', reason: 'no route' }
  assert.deepEqual(logged, [{ ...line, failures: 1 }])
  assert.equal(runs.lasting, 1)
  const before = runs.failing
  const run = async (): Promise<void> => void runs.later++
  const stopLater = startJobs([{ run, failed: 'mails_failed', every: 0.001 }], log)
  await until('another job ran several times', () => runs.later > 20)
  stopLater()
  assert.equal(runs.failing, before)
})

test('jobs: of one that fails at each run, a line every 10 s tells how often it failed, and none is logged after the stop', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const logged: unknown[] = []
  const ignore = (): void => {}
  const error = (_: string, { failures }: { failures?: unknown } = {}) => void logged.push(failures)
  const run = () => Promise.reject(new Error('away'))
  const log = { debug: ignore, info: ignore, warn: ignore, error }
  const stop = startJobs([{ run, failed: 'audit_failed', every: 1, first: 0 }], log)
  const pass = async (seconds: number) => {
    for (let passed = 0; passed < seconds * 2; passed++) {
      t.mock.timers.tick(500)
      for (let turns = 0; turns < 5; turns++) await setImmediate()
    }
  }
  await pass(15)
  assert.equal(logged[0], 1)
  assert.equal(logged.length, 2)
  assert.ok(Number(logged[1]) > 5, String(logged))
  stop()
  await pass(30)
  assert.equal(logged.length, 2)
})

test('jobs: an embedded server without requests does not keep its process alive', async () => {
  const entry = new URL('../../packages/server/src/server.ts', import.meta.url)
  const script = `import { createTessera, parseConfiguration } from ${JSON.stringify(entry.href)}
    const { configuration } = parseConfiguration({ storage: 'memory:' }, { environment: {} })
    await createTessera(configuration)
    console.log('created')`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    printed += text
  })
  const [code] = await inTime('the process ends by itself', once(child, 'close'))
  assert.deepEqual([printed, code], ['created\n', 0])
})

/** Receivers that do not respond until `respond` is called. */
function silentReceivers() {
  const asked = Promise.withResolvers<void>()
  const response = Promise.withResolvers<void>()
  const ask = (): Promise<void> => {
    asked.resolve()
    return response.promise
  }
  return { ask, asked: asked.promise, respond: response.resolve }
}

const silentMail = async ({ ask }: ReturnType<typeof silentReceivers>) => {
  const options = { sendMail: ask, tenantStores: await storesWithMail(), at: startOfTime + 10 }
  const server = await createTestServer(accountsWorld(), options)
  return { server, run: server.runMails }
}

const silentClient = async ({ ask }: ReturnType<typeof silentReceivers>) => {
  const outbound = () => ask().then(() => ({ ok: true, status: 200, headers: {}, body: '' }) as const)
  const server = await createTestServer({ ...logoutWorld, sessions: { end_on_expiry: true } }, { outbound })
  await signInAt(server, createBrowser(server), ['shop'])
  server.clock.advance(60 * 86_400)
  return { server, run: server.runLogouts }
}

for (const [name, begin] of Object.entries({ silentMail, silentClient }))
  test(`jobs: one waits 5 s for a receiver that does not respond, and can then run again (${name})`, async t => {
    const receivers = silentReceivers()
    t.after(() => receivers.respond())
    const { server, run } = await begin(receivers)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const running = run()
    await receivers.asked
    t.mock.timers.tick(5000)
    t.mock.timers.reset()
    await inTime('the end of the run', running, { within: 5000 })
    receivers.respond()
    await server.settled()
  })
