/** Starting a test server: what it serves without a configuration, what it refuses, and that no other code contains it. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { posix } from 'node:path'
import { after, test } from 'node:test'
import { refuseRealUse } from '../../packages/server/src/testing/configuration.ts'
import { startTestServer, type TestServerOptions } from '../../packages/server/src/testing.ts'
import { importsOf } from '../architecture/imports.ts'
import { readText, textsOf } from '../support/repository.ts'

test('testing: a server without options serves discovery on a free port of localhost', async t => {
  const idp = await startTestServer()
  t.after(idp.close)
  assert.match(idp.issuer, /^http:\/\/localhost:\d+$/)
  const metadata = await (await fetch(`${idp.issuer}/.well-known/openid-configuration`)).json()
  assert.equal(metadata.issuer, idp.issuer)
  const keys = await (await fetch(metadata.jwks_uri)).json()
  const signing = keys.keys.filter(({ use }: { use: string }) => use === 'sig')
  assert.deepEqual(signing.map(({ alg }: { alg: string }) => alg).sort(), ['ES256', 'RS256'])
})

test('testing: the shortest test needs no client and no user of its own', async t => {
  const idp = await startTestServer()
  t.after(idp.close)
  const authorization = `Bearer ${await idp.token({ user: 'alice' })}`
  const response = await fetch(`${idp.issuer}/connect/userinfo`, { headers: { authorization } })
  assert.equal(response.status, 200)
  assert.equal((await response.json()).email, 'alice@example.com')
})

test('testing: servers of one process share nothing', async t => {
  const [one, other] = await Promise.all([startTestServer(), startTestServer()])
  t.after(() => Promise.all([one.close(), other.close()]))
  assert.notEqual(one.issuer, other.issuer)
  const headers = { authorization: `Bearer ${await one.token({ user: 'alice' })}` }
  assert.equal((await fetch(`${other.issuer}/connect/userinfo`, { headers })).status, 401)
})

test('testing: an issuer with a path and a fixed port is served there', async t => {
  const free = await startTestServer()
  const { port } = new URL(free.issuer)
  await free.close()
  const idp = await startTestServer({ issuer: `http://localhost:${port}/auth` })
  t.after(idp.close)
  assert.equal(idp.issuer, `http://localhost:${port}/auth`)
  assert.equal((await fetch(`${idp.issuer}/.well-known/openid-configuration`)).status, 200)
})

test('testing: it listens on both loopback addresses and on no other', async t => {
  const idp = await startTestServer()
  t.after(idp.close)
  const { port } = new URL(idp.issuer)
  for (const host of ['127.0.0.1', '::1']) {
    const socket = connect(Number(port), host)
    await once(socket, 'connect')
    socket.destroy()
  }
})

test('testing: a closed server is gone, and says so', async () => {
  const idp = await startTestServer()
  await idp.close()
  await idp.close()
  await assert.rejects(fetch(`${idp.issuer}/healthz`))
  await assert.rejects(idp.token(), /the test server is closed/)
})

test('testing: await using closes it', async () => {
  let issuer = ''
  {
    await using idp = await startTestServer()
    issuer = idp.issuer
    assert.equal((await fetch(`${issuer}/healthz`)).status, 200)
  }
  await assert.rejects(fetch(`${issuer}/healthz`))
})

const refused: readonly (readonly [what: string, options: object, message: RegExp])[] = [
  ['an issuer on another host', { issuer: 'https://login.example.com' }, /not http on a loopback host/],
  ['an issuer on another host by http', { issuer: 'http://10.0.0.1:5080' }, /not http on a loopback host/],
  [
    'an issuer that only looks like loopback',
    { issuer: 'http://localhost.example.com' },
    /not http on a loopback host/,
  ],
  ['an issuer that is no URL', { issuer: 'localhost' }, /not http on a loopback host/],
  ['every interface', { host: '0.0.0.0' }, /listens on loopback only/],
  ['an address of the network', { host: '192.168.1.1' }, /listens on loopback only/],
  ['a database', { storage: 'postgres://localhost/tessera' }, /keeps everything in memory/],
  ['a file', { storage: 'sqlite:./tessera.db' }, /keeps everything in memory/],
  [
    'a tenant at another host',
    { tenants: [{ name: 'acme', issuer: 'https://acme.example' }] },
    /not http on a loopback host/,
  ],
]
for (const [what, options, message] of refused) {
  test(`testing: ${what} is refused`, async () => {
    await assert.rejects(startTestServer(options as TestServerOptions), message)
  })
}

test('testing: NODE_ENV=production is refused, and other values are not', () => {
  for (const NODE_ENV of ['production', 'Production', ' production ', 'PROD', 'prod\n'])
    assert.throws(() => refuseRealUse({}, { NODE_ENV }), /NODE_ENV is "production"/)
  for (const NODE_ENV of ['test', 'development', undefined]) refuseRealUse({}, { NODE_ENV })
})

test('testing: an invalid configuration is reported with place, problem and fix, and leaves nothing listening', async () => {
  const clients = [{ client_id: 'web', redirect_uris: ['*'], scope: 'openid' }]
  await assert.rejects(startTestServer({ clients }), (error: Error) => {
    assert.match(error.message, /clients\[0\]\.redirect_uris\[0\] \(client "web"\): it contains a wildcard/)
    assert.match(error.message, /fix: /)
    return true
  })
})

test('testing: no variable of the machine changes the server', async t => {
  const before = { ...process.env }
  Object.assign(process.env, {
    TESSERA_ISSUER: 'https://id.example',
    TESSERA_PORT: '1',
    TESSERA_STORAGE: 'sqlite:x',
  })
  after(() => {
    for (const name of ['TESSERA_ISSUER', 'TESSERA_PORT', 'TESSERA_STORAGE'])
      if (before[name] === undefined) delete process.env[name]
  })
  const idp = await startTestServer()
  t.after(idp.close)
  assert.match(idp.issuer, /^http:\/\/localhost:/)
})

test('testing: the guide lists the members of a test server', async t => {
  const idp = await startTestServer()
  t.after(idp.close)
  const [, table = ''] =
    /<!-- verbs -->([\s\S]*)<!-- \/verbs -->/.exec(readText('docs/guides/testing.md')) ?? []
  const listed = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
  assert.deepEqual(listed.toSorted(), Object.keys(idp).toSorted())
})

const folder = 'packages/server/src'

/** Returns all files that the code of these files can load. */
function reachableFrom(entries: readonly string[]): ReadonlySet<string> {
  const sources = textsOf('packages/*/src/**/*.{ts,js}')
  const seen = new Set<string>()
  const visit = (file: string): void => {
    const text = sources.get(file)
    if (text === undefined || seen.has(file)) return
    seen.add(file)
    for (const specifier of importsOf(text).specifiers)
      if (specifier.startsWith('.')) visit(posix.join(posix.dirname(file), specifier))
  }
  for (const entry of entries) visit(entry)
  return seen
}

test('testing: no file that the package or the command line loads can reach the test server', () => {
  const loaded = reachableFrom([
    `${folder}/server.ts`,
    `${folder}/cli/tessera.js`,
    `${folder}/cli/program.ts`,
    `${folder}/cli/worker.js`,
  ])
  assert.ok(loaded.size > 200, `only ${loaded.size} files are reachable`)
  const testing = (file: string) => file.startsWith(`${folder}/testing`)
  assert.deepEqual([...loaded].filter(testing), [])
  assert.ok([...reachableFrom([`${folder}/testing.ts`])].filter(testing).length > 10)
})

test('testing: the code of the server does not ask whether it is being tested', () => {
  const others = [...textsOf('packages/*/src/**/*.{ts,js}')].filter(
    ([file]) => !file.startsWith(`${folder}/testing`),
  )
  const asking = others.filter(([, text]) => /NODE_ENV|NODE_TEST_CONTEXT|JEST_WORKER_ID|VITEST/.test(text))
  assert.deepEqual(
    asking.map(([file]) => file),
    [],
  )
})
