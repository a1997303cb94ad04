/** `tessera serve` from its ready line until it exits. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { testFolder } from '../support/folder.ts'
import { inTime, until } from '../support/until.ts'
import { finish, readyUrl, start, startByNpm, tessera } from './tessera.ts'

const folder = testFolder()

const fileOf = (name: string, configuration: object): Promise<string> =>
  folder.write(name, JSON.stringify(configuration))

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`serve: it prints its address when ready, and ${signal} ends it with exit code 0`, async () => {
    const child = start([
      'serve',
      '--config',
      await fileOf('memory.json', { storage: 'memory:' }),
      '--port',
      '0',
    ])
    const end = finish(child)
    const url = await readyUrl(child)
    assert.equal((await fetch(`${url}/readyz`)).status, 200)
    child.kill(signal)
    assert.equal((await end).code, 0)
    await assert.rejects(fetch(`${url}/readyz`))
  })
}

for (const [first, second] of [
  ['SIGTERM', 'SIGTERM'],
  ['SIGINT', 'SIGTERM'],
  ['SIGTERM', 'SIGINT'],
] as const)
  test(`serve: ${second} after ${first} ends it without draining, with exit code 1`, async () => {
    const file = await fileOf('draining.json', { storage: 'memory:', drain_delay: 300 })
    const child = start(['serve', '--config', file, '--port', '0'])
    const end = finish(child)
    const url = await readyUrl(child)
    child.kill(first)
    await until('it drains', async () => (await fetch(`${url}/readyz`)).status === 503)
    assert.equal((await fetch(`${url}/healthz`)).status, 200)
    child.kill(second)
    assert.equal((await inTime('it ends', end)).code, 1)
  })

test('serve: started by npm it also drains on SIGTERM, and leaves no process behind', async () => {
  const file = await fileOf('memory.json', { storage: 'memory:' })
  const child = startByNpm(['serve', '--config', file, '--port', '0'])
  const end = finish(child)
  const url = await readyUrl(child)
  child.kill('SIGTERM')
  assert.equal((await end).code, 0)
  await assert.rejects(fetch(`${url}/readyz`))
})

test('serve: behind a trusted proxy, wrong device codes are counted for each browser separately', async () => {
  const guess = async (url: string, browser: string): Promise<number> => {
    const headers = { 'x-forwarded-for': browser }
    const page = await fetch(`${url}/device`, { headers })
    const cookie = page.headers
      .getSetCookie()
      .map(line => line.split(';')[0])
      .join('; ')
    const csrf = /name="csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? ''
    const body = new URLSearchParams({ csrf, user_code: 'BCDF-GHJK' })
    return (await fetch(`${url}/device`, { method: 'POST', headers: { ...headers, cookie }, body })).status
  }
  const statuses = async (configuration: object): Promise<number> => {
    const child = start(['serve', '--config', await fileOf('proxied.json', configuration), '--port', '0'])
    const end = finish(child)
    const url = await readyUrl(child)
    for (let count = 0; count < 11; count++) await guess(url, '203.0.113.1')
    const other = await guess(url, '203.0.113.2')
    child.kill('SIGTERM')
    await end
    return other
  }
  assert.equal(await statuses({ storage: 'memory:' }), 429)
  assert.notEqual(await statuses({ storage: 'memory:', trusted_proxies: ['127.0.0.0/8'] }), 429)
})

test('serve: with --port 0 the default issuer has the actual port', async () => {
  const child = start([
    'serve',
    '--config',
    await fileOf('memory.json', { storage: 'memory:' }),
    '--port',
    '0',
  ])
  const end = finish(child)
  const url = await readyUrl(child)
  const answer = await fetch(`${url}/.well-known/openid-configuration`)
  const { issuer } = (await answer.json()) as { issuer: string }
  child.kill('SIGTERM')
  await end
  assert.equal(issuer, `http://localhost:${new URL(url).port}`)
})

test('serve: a module configuration is served, with the issuer of the environment', async () => {
  const file = folder.at('module.mts')
  await writeFile(
    file,
    `import { defineConfig, tokenExchange } from '@tessera/server'
export default defineConfig({ storage: 'memory:', grants: [tokenExchange()] })`,
  )
  const child = start(['serve', '--config', file, '--port', '0'], { TESSERA_ISSUER: 'https://login.example' })
  const end = finish(child)
  const url = await readyUrl(child)
  const answer = await fetch(`${url}/.well-known/openid-configuration`)
  const { issuer } = (await answer.json()) as { issuer: string }
  child.kill('SIGTERM')
  assert.equal((await end).code, 0)
  assert.equal(issuer, 'https://login.example')
})

test('serve: a port in use ends the start with exit code 1 and its reason', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const file = await fileOf('memory.json', { storage: 'memory:' })
  const { code, stdout, stderr } = await tessera(['serve', '--config', file, '--port', String(port)])
  taken.close()
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /EADDRINUSE/)
})
