/** The master key of a whole server: users notice nothing while it is replaced, and a killed command is run again. */

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exportStores, importFile } from '../../packages/server/src/app/archives.ts'
import { rotateMasterKeyOf } from '../../packages/server/src/app/master-key-rotation.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createTessera } from '../../packages/server/src/server.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { actor, made } from '../administration/outcomes.ts'
import { createBrowser } from '../support/browser.ts'
import { testFolder } from '../support/folder.ts'
import { answerOf, authorizePath, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { provideSigningKeys } from '../support/signing-keys.ts'
import { createTestServer, issuer, masterKey } from '../support/tessera.ts'
import { inTime } from '../support/until.ts'

const folder = testFolder()
const newKey = Buffer.alloc(32, 8).toString('base64')
const environment = { TESSERA_MASTER_KEY: newKey, TESSERA_MASTER_KEY_PREVIOUS: masterKey }

const configurationOf = (input: object, variables: Record<string, string>) => {
  const parsed = parseConfiguration(input, { environment: variables, isModule: true })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return parsed.configuration
}

test('master key rotation: nobody is signed out, and no refresh token, form or page in progress fails', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const tenantStores = createMemoryTenantStores()
  const clients = pagesWorld.clients
    .filter(({ client_id }) => client_id === 'web')
    .map(client => ({ ...client, scope: 'openid api1 offline_access' }))
  const input = { issuer, ...pagesWorld, clients }
  const server = await createTestServer(input, { tenantStores })
  const browser = createBrowser(server)
  const code = answerOf(await signIn(browser, authorizePath({ scope: 'openid api1 offline_access' }))).get(
    'code',
  )
  const form = { grant_type: 'authorization_code', code_verifier: verifier, client_id: 'web' }
  const redirect_uri = 'https://app.example/cb'
  const issued = await server.token({ ...form, code: String(code), redirect_uri })
  assert.equal(issued.status, 200, issued.body?.toString())
  const refresh = (refresh_token: string) =>
    server.token({ grant_type: 'refresh_token', refresh_token, client_id: 'web' })
  // Another browser is at the login page meanwhile.
  const other = createBrowser(server)
  const login = await other.visit(authorizePath())

  const { finished, retires_at } = await rotateMasterKeyOf(
    configurationOf(input, environment),
    { finish: true, report: () => {} },
    {
      ...{ tenantStores, log: silentLog, clock: server.clock },
      async sleep(seconds) {
        t.mock.timers.tick(30_000)
        await new Promise(setImmediate)
        server.clock.advance(seconds)
      },
    },
  )
  assert.deepEqual([finished, retires_at], [true, server.clock.now() + 31 * 86_400])

  const silent = answerOf(await browser.visit(authorizePath({ prompt: 'none' })))
  assert.notEqual(silent.get('code'), null, String(silent))
  const refreshed = await refresh(issued.json.refresh_token)
  assert.equal(refreshed.status, 200)
  assert.notEqual(refreshed.json.refresh_token.slice(0, 6), issued.json.refresh_token.slice(0, 6))
  assert.equal((await refresh(refreshed.json.refresh_token)).status, 200)
  const done = await other.submit(login, { username: 'alice', password: 'wonderland', button: 'login' })
  assert.notEqual(answerOf(done).get('code'), null)
  // A server that starts later has the same keys.
  const later = await createTessera(configurationOf(input, { TESSERA_MASTER_KEY: newKey }), {
    ...{ tenantStores, clock: server.clock, jobs: false, generateSigningKey: provideSigningKeys() },
  })
  assert.equal(later.keys.jwks().body, server.keys.jwks().body)
  await later.close()
})

const day = 86_400
const client = {
  client_id: 'lasting',
  scope: 'openid offline_access',
  redirect_uris: ['https://app.example/cb'],
}
const refreshing = (lifetimes: object) => ({
  ...client,
  grant_types: ['authorization_code', 'refresh_token'],
  client_secrets: [{ value: 'secret' }],
  ...lifetimes,
})
const [absolute, sliding] = ['absolute_refresh_token_lifetime', 'sliding_refresh_token_lifetime']
const keep = { keep_signed_in: true, keep_signed_in_lifetime: 50 * day }
for (const [what, settings, days, stored] of [
  ['mails, codes and links', { registration: { client_defaults: { [absolute]: day, [sliding]: day } } }, 30],
  ['a session', { sessions: { absolute_lifetime: 40 * day } }, 40],
  ['a session of a user who stays signed in', { sessions: keep }, 50],
  ['a refresh token', { clients: [refreshing({ [absolute]: 60 * day })] }, 60],
  ['a refresh token that is used', { clients: [refreshing({ [sliding]: 61 * day })] }, 61],
  ['a refresh token of a stored client', {}, 62, refreshing({ [absolute]: 62 * day })],
  [
    'a refresh token of a client that registers',
    { registration: { mode: 'open', client_defaults: { [absolute]: 63 * day } } },
    63,
  ],
  ['a session at a tenant', { tenants: [{ name: 'acme', issuer: 'path', sessions: keep }] }, 50],
] as const)
  test(`master key rotation: the earlier root key is accepted a day longer than ${what} lasts`, async () => {
    const tenantStores = createMemoryTenantStores()
    const input = { issuer, ...settings }
    const server = await createTestServer(input, { tenantStores })
    if (stored) made(await server.administration.clients.create(stored as never, { actor }))
    const { retires_at } = await rotateMasterKeyOf(
      configurationOf(input, environment),
      { finish: true, report: () => {} },
      {
        ...{ tenantStores, log: silentLog, clock: server.clock },
        sleep: async seconds => server.clock.advance(seconds),
      },
    )
    assert.equal(retires_at, server.clock.now() + (days + 1) * day)
  })

test('master key rotation: after kill -9, the command is run again and finishes', async () => {
  const script = fileURLToPath(new URL('rotating.ts', import.meta.url))
  for (const until of [0, 2]) {
    const input = { issuer, storage: `sqlite:${folder.at(`${until}.db`)}` }
    const generateSigningKey = provideSigningKeys()
    const before = configurationOf(input, { TESSERA_MASTER_KEY: masterKey })
    const first = await createTessera(before, { log: silentLog, jobs: false, generateSigningKey })
    const { body } = first.keys.jwks()
    await first.close()

    const child = fork(script)
    try {
      await inTime('the process starts', once(child, 'message'))
      child.send({ input, environment, until })
      await inTime('it is in the middle', once(child, 'message'))
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    let ahead = 0
    const clock = { now: () => Math.floor(Date.now() / 1000) + ahead }
    const sleep = async (seconds: number) => {
      ahead += seconds
    }
    const { finished } = await rotateMasterKeyOf(
      configurationOf(input, environment),
      { finish: true, report: () => {} },
      { log: silentLog, clock, sleep },
    )
    assert.equal(finished, true)
    const after = configurationOf(input, { TESSERA_MASTER_KEY: newKey })
    const last = await createTessera(after, { log: silentLog, jobs: false, generateSigningKey, clock })
    assert.equal(last.keys.jwks().body, body)
    await last.close()
    await assert.rejects(createTessera(before, { log: silentLog, jobs: false }), /was replaced/)

    // An export contains the root keys, which the new master key opens.
    const report = () => {}
    const file = folder.at(`${until}.export`)
    await exportStores(after, file, { report })
    const copy = { ...input, storage: `sqlite:${folder.at(`${until}-copy.db`)}` }
    await assert.rejects(
      importFile(configurationOf(copy, { TESSERA_MASTER_KEY: masterKey }), file, { report }),
      /was replaced/,
    )
    const target = configurationOf(copy, { TESSERA_MASTER_KEY: newKey })
    await importFile(target, file, { report })
    const copied = await createTessera(target, { log: silentLog, jobs: false, generateSigningKey, clock })
    assert.equal(copied.keys.jwks().body, body)
    await copied.close()
  }
})

test('master key rotation: an export that it overtakes fails, and its file is refused', async () => {
  const input = { issuer, storage: `sqlite:${folder.at('overtaken.db')}` }
  const before = configurationOf(input, { TESSERA_MASTER_KEY: masterKey })
  const generateSigningKey = provideSigningKeys()
  await (await createTessera(before, { log: silentLog, jobs: false, generateSigningKey })).close()
  const rotate = () => {
    const store = new DatabaseSync(folder.at('overtaken.db'))
    store.prepare('insert or replace into settings (name, value) values (?, ?)').run('root_keys', '[]')
    store.close()
  }
  const file = folder.at('overtaken.export')
  await assert.rejects(
    exportStores(before, file, { report: rotate }),
    /the master key was rotated meanwhile, .*; run the command again$/,
  )
  const copy = configurationOf(
    { issuer, storage: `sqlite:${folder.at('overtaken-copy.db')}` },
    { TESSERA_MASTER_KEY: masterKey },
  )
  await assert.rejects(importFile(copy, file, { report: () => {} }), /the file is truncated/)
})

test('master key rotation: damaged values of a tenant are named with it, and a claim that looks sealed stays as it was stored', async () => {
  const tenantStores = createMemoryTenantStores()
  const input = { issuer, tenants: [{ name: 'acme', issuer: 'path' }] }
  const server = await createTestServer(input, { tenantStores })
  const claims = [{ type: 'box', value: { sealed: 'yes' } }]
  const machine = { grant_types: ['client_credentials'], client_secrets: [{ value: 'a long enough secret' }] }
  made(
    await server.administration.clients.create({ ...machine, client_id: 'box', claims } as never, { actor }),
  )
  const acme = await tenantStores.forTenant('acme')
  const damaged = { sub: 'someone', sealed: new Uint8Array(60).fill(1), last_step: 0, created_at: 0 }
  await acme.totpSecrets.add(damaged)

  const steps: string[] = []
  const logged: unknown[] = []
  const log = { ...silentLog, error: (event: string, fields?: object) => logged.push({ event, ...fields }) }
  const { finished } = await rotateMasterKeyOf(
    configurationOf(input, environment),
    { finish: true, report: step => void steps.push(step) },
    { tenantStores, log, clock: server.clock, sleep: async seconds => server.clock.advance(seconds) },
  )
  assert.equal(finished, true)
  assert.ok(
    steps.includes(
      'left as it is, because it can\'t be opened: kind=totp_secrets id="someone" tenant="acme" reason=damaged',
    ),
    String(steps),
  )
  const named = { kind: 'totp_secrets', id: 'someone', tenant: 'acme', reason: 'damaged' }
  assert.deepEqual(logged, [{ event: 'secret_not_resealed', ...named }])
  assert.deepEqual((await tenantStores.main.entries.find('clients', 'box'))?.entry.claims, claims)
})
