import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { freePort } from '../support/process.ts'
import { authorizePath } from '../support/sign-in.ts'

const server = new URL('../../packages/server/src/server.ts', import.meta.url).href
const app = 'https://app.example/cb'

/** Prints the status of the first page, and the server modules that were loaded for it. */
const script = (port: number): string => `
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
  const { parseConfiguration, startServer } = await import('${server}')
  const origin = 'http://localhost:${port}'
  const client = { client_id: 'web', token_endpoint_auth_method: 'none', redirect_uris: ['${app}'], scope: 'openid' }
  const { configuration } = parseConfiguration(
    { storage: 'memory:', issuer: origin, host: '127.0.0.1', port: ${port}, clients: [client] },
    { isModule: true },
  )
  const running = await startServer(configuration)
  const before = loaded.length
  const loadedFetch = process.moduleLoadList.some(name => name.includes('undici'))
  const { status } = await fetch(origin + '${authorizePath({ redirect_uri: app, scope: 'openid' })}')
  const ofServer = loaded.slice(before).filter(url => url.includes('/packages/'))
  await running.close()
  console.log(JSON.stringify({ status, before, ofServer, loadedFetch }))`

test('start: the code of the pages is loaded before the server listens, so that the first page does not delay other requests; Node’s client for fetch is not', async () => {
  const args = ['--input-type=module', '--eval', script(await freePort())]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 })
  const { status, before, ofServer, loadedFetch } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  assert.equal(status, 200)
  assert.ok(before > 100, 'modules are counted')
  assert.deepEqual(ofServer, [])
  assert.equal(loadedFetch, false)
})
