/** `tessera serve` from its ready line to its end. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { finish, readyUrl, start, startByNpm, tessera } from './tessera.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-serve-'))
})
after(() => rm(folder, { recursive: true }))

async function fileOf(name: string, configuration: object): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, JSON.stringify(configuration))
  return file
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`serve: it tells its address when ready, and ${signal} ends it with exit code 0`, async () => {
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

test('serve: started by npm it drains on SIGTERM too, and leaves no process behind', async () => {
  const file = await fileOf('memory.json', { storage: 'memory:' })
  const child = startByNpm(['serve', '--config', file, '--port', '0'])
  const end = finish(child)
  const url = await readyUrl(child)
  child.kill('SIGTERM')
  assert.equal((await end).code, 0)
  await assert.rejects(fetch(`${url}/readyz`))
})

test('serve: with --port 0 an issuer that nobody configured follows the real port', async () => {
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
  const file = join(folder, 'module.mts')
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

test('serve: a port that is taken ends the start with exit code 1 and its reason', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const file = await fileOf('memory.json', { storage: 'memory:' })
  const { code, stdout, stderr } = await tessera(['serve', '--config', file, '--port', String(port)])
  taken.close()
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /EADDRINUSE/)
})
