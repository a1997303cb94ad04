/** Files of every format, modules in any folder, the environment and flags. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Overrides } from '../../packages/server/src/configuration/environment.ts'
import { loadConfiguration } from '../../packages/server/src/configuration/load.ts'
import { testFolder } from '../support/folder.ts'

const folder = testFolder()

type Surroundings = { environment?: Record<string, string>; overrides?: Overrides }

async function load(name: string, text: string, { environment = {}, overrides = {} }: Surroundings = {}) {
  const file = await folder.write(name, text)
  return loadConfiguration({ file, environment, overrides })
}

async function loaded(name: string, text: string, surroundings?: Surroundings) {
  const outcome = await load(name, text, surroundings)
  assert.ok(outcome.ok, JSON.stringify(outcome))
  return outcome.configuration
}

async function refused(name: string, text: string, surroundings?: Surroundings) {
  const outcome = await load(name, text, surroundings)
  assert.ok(!outcome.ok)
  return outcome.errors
}

const clientText =
  '{ "client_id": "m", "client_secrets": [{ "value": "s" }], "grant_types": ["client_credentials"] }'

for (const [name, text] of [
  ['plain.json', `{ "clients": [${clientText}] }`],
  ['marked.json', `\uFEFF{ "clients": [${clientText}] }`],
  ['commented.jsonc', `{ // a comment\n "clients": [${clientText},], /* another */ }`],
  [
    'plain.yaml',
    'clients:\n  - client_id: m\n    client_secrets: [{ value: s }]\n    grant_types: [client_credentials]\n',
  ],
  ['plain.yml', `clients: [${clientText}]\n`],
  ['default.mjs', `export default { clients: [${clientText}] }`],
  ['named.mjs', `export const configuration = { clients: [${clientText}] }`],
  ['function.js', `export default async () => ({ clients: [${clientText}] })`],
  ['promise.mjs', `export default Promise.resolve({ clients: [${clientText}] })`],
  ['typed.ts', `const clients: readonly object[] = [${clientText}]\nexport default { clients }`],
  ['typed.mts', `type None = undefined\nexport default { clients: [${clientText}] } satisfies object`],
] as const) {
  test(`configuration: ${name} is read`, async () => {
    const configuration = await loaded(name, text)
    assert.deepEqual(
      [...configuration.clients.all()].map(client => client.client_id),
      ['m'],
    )
  })
}

test('configuration: malformed JSON is reported with line and column', async () => {
  const [error] = await refused('broken.json', '{\n  "clients": [\n    { "client_id" "m" }\n  ]\n}')
  assert.match(error!.path, /broken\.json:3:19$/)
  assert.match(error!.problem, /not JSON/)
})

test('configuration: a duplicate key is refused, in JSON and in YAML', async () => {
  const [json] = await refused('twice.json', '{ "clients": [],\n  "clients": [] }')
  assert.match(json!.path, /twice\.json:2:3$/)
  assert.match(json!.problem, /"clients" appears twice/)
  const [yaml] = await refused('twice.yaml', 'clients: []\nclients: []\n')
  assert.match(yaml!.path, /twice\.yaml:2:1$/)
})

test('configuration: malformed YAML, several documents and exploding aliases are refused', async () => {
  assert.match((await refused('broken.yaml', 'clients: [\n'))[0]!.problem, /not YAML/)
  assert.match(
    (await refused('several.yaml', 'clients: []\n---\nusers: []\n'))[0]!.problem,
    /several documents/,
  )
  const levels = Array.from({ length: 9 }, (_, level) => {
    const list = Array.from({ length: 9 }, () => (level === 0 ? 'x' : `*a${level - 1}`)).join(', ')
    return `a${level}: &a${level} [${list}]`
  })
  assert.match((await refused('bomb.yaml', levels.join('\n')))[0]!.problem, /aliases/)
})

test('configuration: a file that is nested too deeply, or contains itself, is refused', async () => {
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
  for (const [name, text] of [
    ['deep.json', `{ "clients": ${nested(100)} }`],
    ['deeper.json', `{ "clients": ${nested(100_000)} }`],
    ['deep.jsonc', `// [[\n{ "clients": ${'{ "[": '.repeat(5000)}1${'}'.repeat(5000)} }`],
    ['deep.yaml', `clients: ${nested(100)}`],
    ['cycle.yaml', 'clients: &a [*a]'],
    ['cycle-of-claim.yaml', 'users: [{ sub: "1", claims: { x: &a { b: [*a] } } }]'],
  ] as const)
    assert.match((await refused(name, text))[0]!.problem, /nested too deeply/, name)
  const inText = `{ "branding": { "name": "${'[{'.repeat(40)}" }, /* ${'[{'.repeat(1000)} */ "clients": [] }`
  assert.equal((await loaded('brackets.jsonc', inText)).branding.name, '[{'.repeat(40))
  // At most 100 levels: this one is refused for its type alone.
  assert.match((await refused('level-100.json', `{ "clients": ${nested(99)} }`))[0]!.problem, /a list/)
})

test('configuration: an empty file, an unknown format and a missing file are refused with a fix', async () => {
  assert.match((await refused('empty.json', ''))[0]!.problem, /empty|not JSON/)
  assert.match((await refused('empty.yaml', ''))[0]!.problem, /empty/)
  const [error] = await refused('tessera.toml', '')
  assert.match(error!.problem, /\.toml/)
  assert.match(error!.expected, /\.jsonc/)
  const missing = await loadConfiguration({ file: folder.at('nowhere.json'), environment: {} })
  assert.ok(!missing.ok)
  assert.match(missing.errors[0]!.problem, /no such file/)
})

test('configuration: no file is needed if the environment names the issuer', async () => {
  const outcome = await loadConfiguration({ environment: { TESSERA_ISSUER: 'https://id.example' } })
  assert.equal(outcome.ok && outcome.configuration.issuer, 'https://id.example')
})

test('configuration: a module outside any package can import defineConfig, and contain code', async () => {
  const configuration = await loaded(
    'code.mts',
    `import { defineConfig, defineGrant } from '@tessera/server'
import { ok } from '@tessera/protocol/result'
const custom = defineGrant({ grantType: 'urn:example:custom', parameters: {}, decide: () => ({ ok: false }) })
export default defineConfig({
  clients: [{ client_id: 'm', client_secrets: [{ value: 's' }], grant_types: ['urn:example:custom'] }],
  identity_providers: [{ name: 'directory', credentialAuthority: { check: () => ({ ok: true, sub: '1' }) } }],
  validators: {
    password: { check: () => ({ ok: false }) },
    tokenRequest: () => ok(undefined),
  },
  profile: { isActive: () => true },
  grants: [custom],
})`,
  )
  assert.deepEqual(
    configuration.grants.map(grant => grant.grantType),
    ['urn:example:custom'],
  )
  assert.equal(configuration.identityProviders.get('directory')?.type, 'custom')
  const check = configuration.identityProviders.get('directory')?.credentialAuthority?.check
  assert.deepEqual(await check?.({ username: 'a', password: 'b', client_id: 'm' }), { ok: true, sub: '1' })
  assert.deepEqual(
    await configuration.validators.password?.check({ username: '', password: '', client_id: '' }),
    {
      ok: false,
    },
  )
  assert.equal(typeof configuration.validators.tokenRequest, 'function')
  assert.equal(typeof configuration.profile?.isActive, 'function')
  assert.equal(configuration.profile?.claims, undefined)
})

test("configuration: a module's values are checked even without a compiler", async () => {
  const errors = await refused(
    'miscoded.mjs',
    `export default {
  grants: [{ grantType: 'password', parameters: {}, decide() {} }, { grantType: 'x' }, 7],
  validators: { password: () => true, tokenRequest: {} },
  profile: { isActiv: () => true },
  identity_providers: [{ name: 'directory' }, { name: 'other', credentialAuthority: { chek() {} } }],
}`,
  )
  assert.deepEqual(errors.map(error => error.path).sort(), [
    'grants[0].grantType',
    'grants[1]',
    'grants[2]',
    'identity_providers[0].credentialAuthority',
    'identity_providers[1].credentialAuthority',
    'profile.isActiv',
    'validators.password',
    'validators.tokenRequest',
  ])
  assert.equal(errors.find(error => error.path === 'profile.isActiv')?.nearest, 'isActive')
})

test('configuration: a module may replace the built-in token exchange with its own, once', async () => {
  const grant = `{ grantType: 'urn:ietf:params:oauth:grant-type:token-exchange', parameters: {}, decide() {} }`
  assert.equal((await loaded('own.mjs', `export default { grants: [${grant}] }`)).grants.length, 1)
  const [error] = await refused('both.mjs', `export default { grants: [${grant}, ${grant}] }`)
  assert.equal(error?.path, 'grants[1].grantType')
})

test('configuration: a module that throws, or exports nothing, is refused with its line', async () => {
  const [thrown] = await refused('throws.mjs', `\nthrow new Error('no database')`)
  assert.match(thrown!.problem, /no database/)
  assert.match(thrown!.fix, /line 2/)
  const unreadable = `Object.create(null)`
  for (const [index, source] of [
    `throw ${unreadable}`,
    `export default () => { throw ${unreadable} }`,
    `export default Promise.reject({ toString: 1 })`,
    `export default { get issuer() { throw ${unreadable} } }`,
    `export default new Proxy({}, { get() { throw ${unreadable} }, ownKeys() { throw null } })`,
  ].entries())
    assert.match(
      (await refused(`any-${index}.mjs`, source))[0]!.problem,
      /module failed|can't be read/,
      source,
    )
  const cyclic = `const value = {}; value.value = value; export default { clients: [{ client_id: 'x', claims: [{ type: 't', value }] }] }`
  const [problem] = await refused('cyclic.mjs', cyclic)
  assert.equal(problem!.problem, 'it is not JSON')
  assert.match((await refused('silent.mjs', 'export const other = 1'))[0]!.fix, /export default/)
  assert.match((await refused('text.mjs', 'export default "text"'))[0]!.problem, /not an object/)
})

test('configuration: flags take precedence over the environment, the environment over the file', async () => {
  const file = '{ "issuer": "https://file.example", "host": "10.0.0.1", "port": 1, "storage": "memory:" }'
  const environment = {
    TESSERA_ISSUER: 'https://environment.example',
    TESSERA_HOST: '10.0.0.2',
    TESSERA_PORT: '2',
    TESSERA_STORAGE: 'sqlite:/var/environment.db',
  }
  const first = await loaded('order.json', file, { environment })
  assert.deepEqual(
    [first.issuer, first.host, first.port, first.storage],
    ['https://environment.example', '10.0.0.2', 2, { kind: 'sqlite', file: '/var/environment.db' }],
  )
  const second = await loaded('order.json', file, { environment, overrides: { port: '3', host: '10.0.0.3' } })
  assert.deepEqual([second.issuer, second.host, second.port], ['https://environment.example', '10.0.0.3', 3])
  const third = await loaded('order.json', file, { environment: { TESSERA_ISSUER: '' } })
  assert.equal(third.issuer, 'https://file.example')
})

test('configuration: --port without an issuer sets the issuer', async () => {
  assert.equal(
    (await loaded('bare.json', '{}', { overrides: { port: '7777' } })).issuer,
    'http://localhost:7777',
  )
  const named = await loaded('named.json', '{ "issuer": "http://localhost:5080" }', {
    overrides: { port: '7777' },
  })
  assert.deepEqual([named.issuer, named.port], ['http://localhost:5080', 7777])
})

test('configuration: errors name their flag or variable, and misspelt variables cause warnings', async () => {
  const errors = await refused('bare.json', '{}', {
    environment: { TESSERA_ISSUER: 'x', TESSERA_MASTER_KEY: 'short' },
    overrides: { port: 'http' },
  })
  assert.deepEqual(errors.map(error => error.path).sort(), ['--port', 'TESSERA_ISSUER', 'TESSERA_MASTER_KEY'])
  const outcome = await load('bare.json', '{}', {
    environment: { TESSERA_MASTERKEY: 'x', TESSERA_COLOR: 'x' },
  })
  assert.ok(outcome.ok)
  assert.deepEqual(
    outcome.warnings.map(({ path, nearest }) => [path, nearest]),
    [['TESSERA_MASTERKEY', 'TESSERA_MASTER_KEY']],
  )
})

test('configuration: the master key comes from a variable, a file beside the configuration, or neither', async () => {
  const key = new Uint8Array(32).map((_, index) => index + 200)
  const base64 = Buffer.from(key).toString('base64')
  const url = Buffer.from(key).toString('base64url')
  await writeFile(folder.at('text.key'), `${base64}\n`)
  await writeFile(folder.at('bytes.key'), key)
  await writeFile(folder.at('short.key'), 'c2hvcnQ=')
  assert.equal((await loaded('bare.json', '{}')).masterKey, undefined)
  for (const text of [base64, url]) {
    const { masterKey } = await loaded('bare.json', '{}', { environment: { TESSERA_MASTER_KEY: text } })
    assert.deepEqual(masterKey, { kind: 'local', from: 'TESSERA_MASTER_KEY', bytes: key })
  }
  for (const name of ['text.key', 'bytes.key']) {
    assert.deepEqual((await loaded('key.json', `{ "master_key_file": "${name}" }`)).masterKey, {
      kind: 'local',
      from: 'master_key_file',
      bytes: key,
    })
  }
  const path = folder.at('text.key')
  assert.deepEqual(
    (await loaded('bare.json', '{}', { environment: { TESSERA_MASTER_KEY_FILE: path } })).masterKey,
    { kind: 'local', from: 'TESSERA_MASTER_KEY_FILE', bytes: key },
  )
  assert.match(
    (await refused('key.json', '{ "master_key_file": "short.key" }'))[0]!.problem,
    /does not contain a master key/,
  )
  const [missing] = await refused('key.json', '{ "master_key_file": "nowhere.key" }')
  assert.deepEqual([missing?.path, /no such file/.test(missing!.problem)], ['master_key_file', true])
})

test('configuration: a relative database path is relative to the file', async () => {
  assert.deepEqual((await loaded('beside.json', '{ "storage": "sqlite:./t.db" }')).storage, {
    kind: 'sqlite',
    file: folder.at('t.db'),
  })
  const { storage } = await loaded('beside.json', '{}', { environment: { TESSERA_STORAGE: 'sqlite:t.db' } })
  assert.deepEqual(storage, { kind: 'sqlite', file: join(process.cwd(), 't.db') })
})
