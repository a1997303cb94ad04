/** Secrets in files are read again by a reload, and the new ones are used. */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { afterEach, test } from 'node:test'
import { testFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'
import { finish, logEventsIn, readyUrl, start } from './tessera.ts'

const options = { timeout: 90_000 }
const folder = testFolder()
let running: ChildProcess | undefined
afterEach(() => running?.kill('SIGKILL'))

/** The status of a token request, on its own connection, so that any worker may respond. */
async function ask(url: string, secret: string): Promise<number> {
  const response = await fetch(`${url}/connect/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`machine:${secret}`).toString('base64')}`,
      connection: 'close',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  await response.arrayBuffer()
  return response.status
}

const statuses = async (url: string, secret: string): Promise<readonly number[]> => [
  ...new Set(await Promise.all(Array.from({ length: 12 }, () => ask(url, secret)))),
]

for (const workers of [1, 3])
  test(
    `reload: a rotated file replaces the secret without a restart, and an unreadable one changes nothing [${workers}]`,
    options,
    async () => {
      const secrets = `secret-${workers}`
      await folder.write(secrets, 'first-secret-of-the-client\n')
      const file = await folder.write(
        `tessera-${workers}.json`,
        JSON.stringify({
          storage: { file: './address' },
          api_scopes: [{ name: 'api1' }],
          clients: [
            {
              client_id: 'machine',
              client_secrets: [{ value: { file: secrets } }, { value: { env: 'SECOND_SECRET' } }],
              grant_types: ['client_credentials'],
              scope: 'api1',
            },
          ],
        }),
      )
      await folder.write('address', `sqlite:./rotated-${workers}.db\n`)
      const child = start(['serve', '--port', '0', '--workers', String(workers), '--config', file], {
        SECOND_SECRET: 'secret-of-a-variable',
      })
      running = child
      let log = ''
      child.stderr.setEncoding('utf8').on('data', text => {
        log += text
      })
      const end = finish(child)
      const url = await readyUrl(child)
      const events = (event: string) => logEventsIn(log).filter(line => line.event === event)
      const reload = async (event: string, count: number): Promise<void> => {
        const wanted = events(event).length + count
        child.kill('SIGHUP')
        await until(`${event} is logged`, () => events(event).length >= wanted)
      }
      assert.deepEqual(await statuses(url, 'first-secret-of-the-client'), [200])
      assert.deepEqual(await statuses(url, 'secret-of-a-variable'), [200])

      await folder.write(secrets, 'second-secret-of-the-client')
      assert.deepEqual(await statuses(url, 'first-secret-of-the-client'), [200])
      await reload('configuration_applied', workers)
      assert.deepEqual(await statuses(url, 'second-secret-of-the-client'), [200])
      assert.deepEqual(await statuses(url, 'first-secret-of-the-client'), [401])
      assert.deepEqual(await statuses(url, 'secret-of-a-variable'), [200])

      await rm(folder.at(secrets))
      await reload('configuration_refused', 1)
      const [{ errors }] = events('configuration_refused') as [Record<string, any>]
      assert.deepEqual(
        errors.map(({ path, problem }: Record<string, string>) => [path, problem]),
        [['clients[0].client_secrets[0].value', 'there is no such file']],
      )
      await folder.write(secrets, '\n')
      await reload('configuration_refused', 1)
      assert.deepEqual(await statuses(url, 'second-secret-of-the-client'), [200])

      await folder.write(secrets, 'third-secret-of-the-client')
      await reload('configuration_applied', workers)
      assert.deepEqual(await statuses(url, 'third-secret-of-the-client'), [200])
      assert.deepEqual(await statuses(url, 'second-secret-of-the-client'), [401])

      child.kill('SIGTERM')
      assert.equal((await end).code, 0)
      assert.doesNotMatch(log, /secret-of-(the-client|a-variable)/)
    },
  )
