import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { freePort } from '../support/process.ts'
import { authorizePath } from '../support/sign-in.ts'

const server = new URL('../../packages/server/src/server.ts', import.meta.url).href
const app = 'https://app.example/cb'

/** Prints the status of the first page, the server modules that were loaded for it, and whether mail was, without and with mail. */
const script = (port: number): string => `
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
  const { parseConfiguration, startServer } = await import('${server}')
  const origin = 'http://localhost:${port}'
  const client = { client_id: 'web', token_endpoint_auth_method: 'none', redirect_uris: ['${app}'], scope: 'openid' }
  const start = settings => {
    const server = { storage: 'memory:', issuer: origin, host: '127.0.0.1', port: ${port}, clients: [client] }
    const { configuration } = parseConfiguration({ ...server, ...settings }, { isModule: true })
    return startServer(configuration)
  }
  const running = await start({})
  const before = loaded.length
  const loadedFetch = process.moduleLoadList.some(name => name.includes('undici'))
  const { status } = await fetch(origin + '${authorizePath({ redirect_uri: app, scope: 'openid' })}')
  const ofServer = loaded.slice(before).filter(url => url.includes('/packages/'))
  await running.close()
  const loadedMail = () => loaded.some(url => url.includes('/node_modules/nodemailer/'))
  const mail = [loadedMail()]
  const mailing = await start({ mail: { from: 'id@login.example', smtp: { host: '127.0.0.1' } } })
  mail.push(loadedMail())
  await mailing.close()
  console.log(JSON.stringify({ status, before, ofServer, loadedFetch, mail }))`

test('start: the code of the pages is loaded before the server listens, so that the first page does not delay other requests, and that of mail if mail is configured; Node’s client for fetch is not', async () => {
  const args = ['--input-type=module', '--eval', script(await freePort())]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 })
  const { status, before, ofServer, loadedFetch, mail } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  assert.equal(status, 200)
  assert.ok(before > 100, 'modules are counted')
  assert.deepEqual(ofServer, [])
  assert.equal(loadedFetch, false)
  assert.deepEqual(mail, [false, true])
})
