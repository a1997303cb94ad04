/** Programs end when their work is done: no timer, connection or body that was not read keeps them running. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const program = fileURLToPath(new URL('ending-process.ts', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'tessera-ending-'))

/** Starts a response whose body does not end. */
function endless(response: ServerResponse, status: number): void {
  response.writeHead(status, { location: '/elsewhere' })
  const timer = setInterval(() => response.write('x'.repeat(65_536)), 5)
  response.on('close', () => clearInterval(timer))
}

const server = createServer(({ url: path = '' }, response) => {
  const json = (value: object) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  if (path === '/.well-known/openid-configuration')
    return json({
      issuer: url,
      token_endpoint: `${url}/token`,
      userinfo_endpoint: `${url}/userinfo`,
      introspection_endpoint: `${url}/introspect`,
      revocation_endpoint: `${url}/silent`,
    })
  if (path === '/token') return json({ access_token: 'token', token_type: 'Bearer', expires_in: 300 })
  if (path === '/orders') return json([])
  if (path === '/userinfo') return endless(response, 302)
  if (path === '/introspect') return endless(response, 200)
  return undefined
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
after(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

for (const [task, output] of Object.entries({
  token: 'ok',
  call: '[]',
  session: 'ok',
  redirect: 'unexpected_redirect',
  'call-redirect': 'redirect_not_followed',
  large: 'response_too_large',
  silent: 'timeout',
  abort: 'aborted',
  guard: 'issuer_unavailable',
}))
  test(`ending: a program ends by itself after its work (${task})`, async () => {
    // A program that does not end is killed, which is an error here.
    const ended = await promisify(execFile)(process.execPath, [program, task, url, folder], {
      timeout: 60_000,
    })
    assert.equal(ended.stdout, output)
  })
