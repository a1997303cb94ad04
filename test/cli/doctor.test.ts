/** `tessera doctor`: the checklist, a server that fulfils it, and one that does not. */

import assert from 'node:assert/strict'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { after, test } from 'node:test'
import { checkConfiguration } from '../../packages/server/src/cli/doctor/configuration-checks.ts'
import { type CheckId, checklist, type Finding } from '../../packages/server/src/cli/doctor/finding.ts'
import { createProbe } from '../../packages/server/src/cli/doctor/probe.ts'
import { checkServer } from '../../packages/server/src/cli/doctor/server-checks.ts'
import { checkBackups, checkStore } from '../../packages/server/src/cli/doctor/store-checks.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { createListener } from '../../packages/server/src/http/listener.ts'
import { openDatabase } from '../../packages/server/src/storage/sqlite/database.ts'
import { captureCommand } from '../support/commands.ts'
import { testFolder } from '../support/folder.ts'
import { providePostgres } from '../support/postgres.ts'
import { readText } from '../support/repository.ts'
import { createTestServer } from '../support/tessera.ts'
import { certificate, privateKey } from '../support/tls.ts'

const folder = testFolder()
const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)).toString('base64')

test('doctor: the guide lists each check of the checklist once', () => {
  const listed = [...readText('docs/guides/production.md').matchAll(/^\| `([a-z][a-z-]+)` \|/gm)].map(
    ([, id]) => id!,
  )
  assert.deepEqual(listed.toSorted(), Object.keys(checklist).toSorted())
})

type Reply = { status: number; headers: Record<string, unknown>; body: unknown }
type Change = (reply: Reply, path: string) => Reply

const client = {
  ...{ client_id: 'web', token_endpoint_auth_method: 'none', redirect_uris: ['https://app.example/cb'] },
  scope: 'openid',
}

/** A TLS proxy in this process in front of a server. `bend` sets what the proxy does to responses until it is set again. */
async function serve() {
  const proxy = createServer({ cert: certificate, key: privateKey })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  const url = `https://localhost:${(proxy.address() as AddressInfo).port}`
  const server = await createTestServer({ issuer: url, clients: [client] })
  let change: Change = reply => reply
  const listener = createListener(
    async request => change((await server.handle(request)) as Reply, request.path) as any,
    {},
  )
  proxy.on('request', (request, response) => {
    // The files of deploy/proxies refuse these too.
    if (/^\/(?:metrics|admin|healthz|readyz)/.test(request.url ?? '')) response.writeHead(404).end()
    else listener.handle(request, response)
  })
  return {
    url: new URL(url),
    configuration: server.configuration,
    bend(next: Change) {
      change = next
    },
    async close() {
      proxy.close()
      await server.close()
    },
  }
}

let serving: ReturnType<typeof serve> | undefined
after(async () => (await serving)?.close())
function served(): ReturnType<typeof serve> {
  serving ??= serve()
  return serving
}

const statesOf = (findings: readonly Finding[]) =>
  Object.fromEntries(findings.map(({ id, state }) => [id, state])) as Record<CheckId, Finding['state']>

test('doctor: a server behind a good proxy passes every check, but for its untrusted certificate', async () => {
  const { url, configuration } = await served()
  const findings = await checkServer({ url, probe: createProbe(url), configuration, now: Date.now })
  const { 'tls-certificate': tls, clock, ...states } = statesOf(findings)
  assert.deepEqual(
    Object.entries(states).filter(([, state]) => state !== 'ok'),
    [],
    JSON.stringify(findings),
  )
  assert.equal(tls, 'failed')
  assert.equal(clock, 'ok')
  assert.match(String(findings.find(({ id }) => id === 'large-requests')?.detail), /redirect/)
})

test('doctor: each fault of a proxy is found by its check', async () => {
  const set = (headers: object) => (reply: Reply) => ({ ...reply, headers: { ...reply.headers, ...headers } })
  const faults: readonly (readonly [CheckId, (reply: Reply, path: string) => Reply, Finding['state']?])[] = [
    [
      'issuer',
      reply => ({ ...reply, body: String(reply.body).replace('"issuer":"https', '"issuer":"http') }),
    ],
    ['clock', set({ date: new Date(Date.now() - 3_600_000).toUTCString() })],
    ['hsts', set({ 'strict-transport-security': 'max-age=60' })],
    ['security-headers', set({ 'content-security-policy': 'default-src *' })],
    ['cookies', (reply, path) => (path === '/device' ? set({ 'set-cookie': 'a=b; Path=/' })(reply) : reply)],
    [
      'large-requests',
      reply => (JSON.stringify(reply.headers).length > 4096 ? { ...reply, status: 502 } : reply),
    ],
    ['cors', set({ 'access-control-allow-origin': '*' })],
    ['jwks', set({ 'cache-control': 'no-store' }), 'warning'],
  ]
  const { url, configuration, bend } = await served()
  for (const [id, change, state = 'failed'] of faults) {
    bend(change)
    const findings = await checkServer({ url, probe: createProbe(url), configuration, now: Date.now })
    assert.equal(statesOf(findings)[id], state, `${id}: ${JSON.stringify(findings)}`)
    for (const finding of findings)
      if (finding.state === 'failed') assert.ok('fix' in finding && finding.fix.length > 10)
  }
  bend(reply => reply)
})

test('doctor: a request that a busy server asks to repeat is repeated', async () => {
  const { url, configuration, bend } = await served()
  const asked = new Map<string, number>()
  bend((reply, path) => {
    const times = (asked.get(path) ?? 0) + 1
    asked.set(path, times)
    return times === 1 ? { status: 503, headers: { 'retry-after': '1' }, body: '' } : reply
  })
  const findings = await checkServer({ url, probe: createProbe(url), configuration, now: Date.now })
  const { 'tls-certificate': _, ...states } = statesOf(findings)
  assert.deepEqual([...new Set(Object.values(states))], ['ok'], JSON.stringify(findings))
  bend(reply => ({ ...reply, status: 503, headers: {}, body: '' }))
  const unavailable = await checkServer({ url, probe: createProbe(url), configuration, now: Date.now })
  assert.equal(statesOf(unavailable).jwks, 'failed')
  bend(reply => reply)
})

test('doctor: keys of every strong type pass, and private or short ones do not', async () => {
  const { url, configuration, bend } = await served()
  const cases = [
    [{ kty: 'EC', crv: 'P-256' }, 'ok'],
    [{ kty: 'OKP', crv: 'Ed25519' }, 'ok'],
    [{ kty: 'AKP', alg: 'ML-DSA-44', pub: 'x' }, 'ok'],
    [{ kty: 'AKP', alg: 'ML-DSA-44', pub: 'x', priv: 'x' }, 'failed'],
    [{ kty: 'EC', d: 'x' }, 'failed'],
    [{ kty: 'RSA', n: 'x'.repeat(171) }, 'failed'],
    [{ kty: 'oct', k: 'x' }, 'failed'],
  ] as const
  for (const [key, state] of cases) {
    bend((reply, path) =>
      path.endsWith('/jwks') ? { ...reply, body: JSON.stringify({ keys: [key] }) } : reply,
    )
    const findings = await checkServer({ url, probe: createProbe(url), configuration, now: Date.now })
    assert.equal(statesOf(findings).jwks, state, JSON.stringify(key))
  }
  bend(reply => reply)
})

test('doctor: documents of any JSON lead to findings', async () => {
  const { url, configuration, bend } = await served()
  for (const body of ['null', '[]', '7', '"x"', '{"keys":[null,7,{}],"issuer":[]}', '<html>']) {
    bend(reply => ({ ...reply, body }))
    const states = statesOf(await checkServer({ url, probe: createProbe(url), configuration, now: Date.now }))
    assert.deepEqual([states.issuer, states.jwks], ['failed', 'failed'], body)
  }
  bend(reply => reply)
})

test('doctor: made-up headers, public metrics and an expiring certificate are found', async () => {
  const { url, configuration } = await served()
  const probe = createProbe(url)
  const findings = await checkServer({
    ...{ url, configuration, now: Date.now },
    probe: async (path, request) => {
      if (path === '/metrics') return { status: 200, headers: {}, body: '' }
      if (path === '/admin/api/v1') return { status: 401, headers: {}, body: '' }
      if (path === '/readyz') return { status: 503, headers: {}, body: '{"status":"not_ready"}' }
      const reply = await probe(path, request)
      const tls = { protocol: 'TLSv1.1', validUntil: Date.now() + 86_400_000 }
      const isForged = request?.headers?.['x-forwarded-host']
      return { ...reply, tls, ...(isForged && { body: reply.body.replaceAll(url.host, isForged) }) }
    },
  })
  const states = statesOf(findings)
  for (const id of ['metrics-private', 'forwarded-headers', 'ready', 'tls-version'] as const)
    assert.equal(states[id], 'failed', id)
  for (const id of ['admin-private', 'tls-certificate'] as const) assert.equal(states[id], 'warning', id)
})

test('doctor: a server that does not respond fails one check and skips the others', async () => {
  const url = new URL('http://127.0.0.1:1')
  const [first, ...others] = await checkServer({ url, probe: createProbe(url), now: Date.now })
  assert.equal(first?.state, 'failed')
  assert.ok(others.length > 10 && others.every(({ state }) => state === 'skipped'))
})

function checked(input: object, environment: Record<string, string> = {}) {
  const outcome = parseConfiguration(input, { environment: { TESSERA_MASTER_KEY: key, ...environment } })
  if (!outcome.ok) assert.fail(JSON.stringify(outcome.errors))
  const findings = checkConfiguration(outcome.configuration, { warnings: outcome.warnings, environment })
  return { states: statesOf(findings), findings }
}

const good = {
  issuer: 'https://id.example',
  storage: 'postgres://db.example/tessera?sslmode=verify-full',
  trusted_proxies: ['10.0.0.7'],
  metrics: { tokens: [{ value: 'a-token-of-thirty-two-characters' }] },
}

test('doctor: a good configuration passes', () => {
  const { states, findings } = checked(good)
  assert.deepEqual(
    Object.entries(states).filter(([, state]) => state !== 'ok' && state !== 'skipped'),
    [],
    JSON.stringify(findings),
  )
})

test('doctor: each doubtful setting is found by its check', () => {
  const machine = { client_id: 'machine', grant_types: ['client_credentials'], scope: 'a' }
  const cases: readonly (readonly [CheckId, Finding['state'], object, Record<string, string>?])[] = [
    [
      ...(['default-secrets', 'failed'] as const),
      {
        api_scopes: [{ name: 'a' }],
        clients: [{ ...machine, client_secrets: [{ value: 'secret-of-machine' }] }],
      },
    ],
    ['default-secrets', 'failed', { users: [{ sub: '1', username: 'a', password: 'a-long-pass-phrase' }] }],
    [
      'configuration',
      'warning',
      { outbound: {}, clients: [{ ...client, grant_types: ['implicit', 'authorization_code'] }] },
    ],
    ['master-key', 'failed', {}, { TESSERA_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') }],
    ['storage', 'failed', { storage: 'memory:' }],
    ['storage', 'failed', { storage: 'sqlite:/tmp/tessera.db' }],
    ['database-tls', 'failed', { storage: 'postgres://db.example/tessera' }],
    ['database-tls', 'warning', { storage: 'postgres://db.example/tessera?sslmode=require' }],
    ['database-tls', 'ok', { storage: 'postgres://localhost/tessera' }],
    ['trusted-proxies', 'failed', { trusted_proxies: [] }],
    ['trusted-proxies', 'failed', { trusted_proxies: ['0.0.0.0/0'] }],
    ['private-networks', 'warning', { outbound: { allowed_private_networks: ['127.0.0.0/8'] } }],
    ['workers', 'warning', { workers: availableParallelism() + 1 }],
    ['workers', 'ok', { workers: availableParallelism() }],
    ['log-level', 'warning', {}, { TESSERA_LOG_LEVEL: 'debug' }],
    ['audit-log', 'warning', { audit: { enabled: false } }],
    ['monitoring', 'warning', { metrics: undefined }],
    ['mail', 'warning', { accounts: {} }],
    ['registration', 'warning', { registration: { mode: 'open' } }],
    ['grants', 'warning', { clients: [{ ...client, grant_types: ['authorization_code', 'implicit'] }] }],
    ['second-factors', 'warning', { mfa: { mode: 'off' } }],
  ]
  for (const [id, state, change, environment] of cases)
    assert.equal(
      checked({ ...good, ...change }, environment).states[id],
      state,
      `${id} ${JSON.stringify(change)}`,
    )
})

const now = 1_790_000_000

test('doctor: the store is read without being changed, on SQLite', async () => {
  const file = folder.at('store.db')
  const storage = { kind: 'sqlite', file } as const
  assert.deepEqual(statesOf(await checkStore(storage, now)), {
    storage: 'failed',
    schema: 'skipped',
    'key-rotation': 'skipped',
  })
  const database = openDatabase({ file, busyTimeout: 1000 })
  assert.deepEqual(statesOf(await checkStore(storage, now)), { schema: 'ok', 'key-rotation': 'failed' })
  const add = (kid: string, from: number) =>
    database.prepare(`insert into keys values ('${kid}', 'ES256', x'00', 0, ${from})`).run()
  add('old', now - 100 * 86_400)
  assert.equal(statesOf(await checkStore(storage, now))['key-rotation'], 'warning')
  add('new', now - 1)
  assert.equal(statesOf(await checkStore(storage, now))['key-rotation'], 'ok')
  for (const version of [1, 999]) {
    database.exec(`pragma user_version = ${version}`)
    assert.equal(statesOf(await checkStore(storage, now)).schema, 'failed')
    assert.equal(database.prepare('pragma user_version').get()?.user_version, version)
  }
  database.close()
})

const postgres = providePostgres()

test('doctor: the store is read without being changed, on PostgreSQL', async () => {
  const { database, giveBack } = await postgres()
  const url = await database()
  const findings = await checkStore({ kind: 'postgres', url }, now)
  // The server of the tests does not wait for its disk.
  assert.equal(statesOf(findings).storage, 'failed')
  assert.match(JSON.stringify(findings), /fsync = off/)
  assert.equal(statesOf(findings).schema === 'skipped', false)
  await giveBack(url)
})

test('doctor: only a fresh file counts as a backup', () => {
  const at = folder.at('backups')
  const stateOf = () => checkBackups(at, now).state
  assert.equal(checkBackups(undefined, now).state, 'skipped')
  assert.equal(stateOf(), 'failed')
  mkdirSync(at)
  assert.equal(stateOf(), 'failed')
  const file = `${at}/tessera.db`
  writeFileSync(file, 'x')
  utimesSync(file, now - 3600, now - 3600)
  assert.equal(stateOf(), 'ok')
  utimesSync(file, now + 2, now + 2)
  assert.equal(String(checkBackups(at, now).detail), 'the newest file is 0 hours old')
  utimesSync(file, now - 30 * 3600, now - 30 * 3600)
  assert.equal(stateOf(), 'failed')
})

test('doctor: the command prints each check and its fix, and exits with 1 if one failed', async () => {
  const file = await folder.write('tessera.json', JSON.stringify({ storage: 'memory:' }))
  const { code, output } = await captureCommand(`tessera doctor --url http://127.0.0.1:1 --config ${file}`)
  assert.equal(code, 1)
  for (const id of Object.keys(checklist))
    assert.match(output, new RegExp(`^(?:ok|warning|failed|skipped) +${id} `, 'm'))
  assert.match(output, /^failed +storage +memory: .*\n +fix: use sqlite/m)
  const json = await captureCommand('tessera doctor --url http://127.0.0.1:1 --json')
  assert.equal(JSON.parse(json.output).checks.length, Object.keys(checklist).length)
  assert.equal((await captureCommand('tessera doctor --url login.example.com')).code, 2)
})

test('doctor: the command escapes control characters of the server, which a terminal would follow', async t => {
  const server = createPlainServer((_, response) =>
    response.end('{"issuer":"https://x.example/\\u001b[2J\\nok"}'),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const { output } = await captureCommand(`tessera doctor --url http://127.0.0.1:${port}`)
  assert.match(output, /the server says https:\/\/x\.example\/\\u001b\[2J\\u000aok, the URL/)
  assert.ok(!output.includes('\u001b'))
})
