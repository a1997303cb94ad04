/** Secrets in variables and files: every member that contains one, and what is wrong with a variable or a file. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfiguration } from '../../packages/server/src/configuration/load.ts'
import { defineConfig, keyOwners } from '../../packages/server/src/configuration/schema/whole.ts'
import { testFolder } from '../support/folder.ts'
import { masterKey } from '../support/tessera.ts'
import { assertErrors, errorsOf, type Input, parsed } from './errors.ts'
import { membersOf, schemas, secretMembers, sentinel } from './secret-members.ts'

const { at } = testFolder()
const folder = at()

/** Writes a file that only its owner can read, and returns its name. */
function write(name: string, content: string | Uint8Array, mode = 0o600): string {
  writeFileSync(join(folder, name), content)
  chmodSync(join(folder, name), mode)
  return name
}

const read = (input: object, environment: Readonly<Record<string, string>> = {}) =>
  parsed(
    { ...input },
    { directory: folder, environment: { TESSERA_MASTER_KEY: masterKey, ...environment }, now: 0 },
  )

/** A placeholder as shells and other tools replace it. */
const braces = (text: string): string => `\${${text}}`

/** A configuration without its functions. Those that return its lists are called. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, one) => {
      // Where the password of a database is read again.
      if (key === 'files') return undefined
      if (one instanceof Map || one instanceof Set || ArrayBuffer.isView(one)) return [...(one as never)]
      return typeof one?.all === 'function' ? [...one.all()] : one
    }),
  )

/** Members whose names sound like a secret, and why they are none. */
const notSecret: Readonly<Record<string, string>> = {
  master_key_file: 'the path of a file',
  master_key_previous_file: 'the path of a file',
  storage_pool_size: 'a number',
  'clients[].jwks.keys[]': 'public keys',
  'clients[].jwks_uri': 'the address of public keys',
  'clients[].workload_identities[].jwks.keys[]': 'public keys',
  'clients[].workload_identities[].jwks_uri': 'the address of public keys',
  'trusted_issuers[].jwks.keys[]': 'public keys',
  'registration.trusted_software_issuers[].jwks.keys[]': 'public keys',
  'clients[].token_endpoint_auth_method': 'a method',
  'clients[].token_endpoint_auth_signing_alg': 'an algorithm',
}

const soundsSecret = /secret|password|token|jwk|key|hash|storage|credential|argon2|sha256/i

test('secrets: each member of the schema that contains one accepts { env } and { file }', () => {
  for (const schema of Object.values(schemas)) {
    const members = membersOf(schema)
    const secrets = members.filter(({ kind }) => kind === 'secret').map(({ path }) => path)
    const own = (path: string): boolean =>
      !['server', undefined].includes(keyOwners[path.split(/[.[]/, 1)[0] as keyof typeof keyOwners])
    const ofTenants = Object.keys(secretMembers).filter(path => own(path))
    assert.deepEqual(
      secrets.filter(path => !path.endsWith('metrics.tokens[].argon2id')).sort(),
      [...Object.keys(secretMembers), ...ofTenants.map(path => `tenants[].${path}`)].sort(),
    )
  }
})

test('secrets: each other text whose name sounds like a secret is known to be none', () => {
  const others = membersOf(schemas.data)
    .filter(
      ({ path, kind }) =>
        ['string', 'record', 'json', 'unknown'].includes(kind) && !path.startsWith('tenants'),
    )
    .map(({ path }) => path)
    .filter(path => soundsSecret.test(path.split('.').at(-1)!))
  assert.deepEqual(
    others.filter(path => !Object.hasOwn(notSecret, path)),
    [],
  )
})

for (const [place, { text, literal, within }] of Object.entries(secretMembers))
  test(`secrets: a literal, a variable and a file mean the same [${place}]`, () => {
    const expected = plain(read(within(literal)).configuration)
    assert.notDeepEqual(expected, plain(read({}).configuration))
    const file = write('secret', `${text}\n`)
    const reading = [
      read(within({ env: 'THE_SECRET' }), { THE_SECRET: text }),
      read(within({ file })),
      read(within({ file: join(folder, file) })),
    ]
    for (const { configuration, warnings } of reading) {
      assert.deepEqual(plain(configuration), expected)
      assert.deepEqual(
        warnings.filter(({ problem }) => /file|variable|reference/.test(problem)),
        [],
      )
    }
  })

for (const [place, { literal, text, within }] of Object.entries(secretMembers)) {
  const key = place.split(/[.[]/, 1)[0] as keyof typeof keyOwners
  if (keyOwners[key] === 'server') continue
  test(`secrets: a tenant's own ones come from variables and files too [${place}]`, () => {
    const tenant = (secret: unknown): object => ({
      tenants: [{ name: 'acme', issuer: 'path', ...within(secret) }],
    })
    const file = write('tenant-secret', text)
    const expected = plain(read(tenant(literal)).configuration)
    assert.deepEqual(plain(read(tenant({ env: 'IT' }), { IT: text }).configuration), expected)
    assert.deepEqual(plain(read(tenant({ file })).configuration), expected)
  })
}

const secretOf = (value: unknown): Input => ({
  clients: [{ client_id: 'machine', grant_types: ['client_credentials'], client_secrets: [{ value }] }],
})
const path = 'clients[0].client_secrets[0].value'

/** Asserts that a secret has this error. */
const assertRefused = (
  value: unknown,
  error: { problem: RegExp; fix?: RegExp },
  environment: Readonly<Record<string, string>> = {},
): void => assertErrors(secretOf(value), [{ path, ...error }], { directory: folder, environment })

/** Asserts that the configuration is the one with this secret. */
const assertIs = (value: unknown, expected: string, environment: Readonly<Record<string, string>> = {}) =>
  assert.deepEqual(
    plain(read(secretOf(value), environment).configuration),
    plain(read(secretOf(expected)).configuration),
  )

test('secrets: a variable that is missing or empty is an error', () => {
  assertRefused({ env: 'ABSENT' }, { problem: /variable "ABSENT" is not set/, fix: /set variable "ABSENT"/ })
  assertRefused({ env: 'EMPTY' }, { problem: /variable "EMPTY" is empty/ }, { EMPTY: '' })
  assertRefused({ env: 'toString' }, { problem: /not set/ })
})

test('secrets: an error does not repeat what is not the name of a variable', () => {
  const [error] = errorsOf(secretOf({ env: 'pass word/of+the=client' }), { environment: {} })
  assert.ok(error)
  assert.doesNotMatch(JSON.stringify(error), /pass word/)
})

test('secrets: the value of a variable is taken as it is', () => {
  assertIs({ env: 'IT' }, ' text\n', { IT: ' text\n' })
  const { configuration } = read(secretOf({ env: 'IT' }), { IT: braces('OTHER'), OTHER: 'other' })
  const [stored] = [...configuration.clients.all()][0]!.client_secrets
  const hash = createHash('sha256').update(braces('OTHER')).digest()
  assert.deepEqual(stored, { kind: 'sha256', hash: new Uint8Array(hash) })
})

test('secrets: one line break at the end of a file is removed, and nothing else', () => {
  for (const [content, value] of [
    ['text', 'text'],
    ['text\n', 'text'],
    ['text\r\n', 'text'],
    ['text\n\n', 'text\n'],
    ['text\r\n\r\n', 'text\r\n'],
    ['text\r', 'text\r'],
    [' text ', ' text '],
    ['one\ntwo\n', 'one\ntwo'],
    ['\uFEFFtext', 'text'],
    ['pässword-ünïcode', 'pässword-ünïcode'],
  ] as const)
    assertIs({ file: write('lines', content) }, value)
})

test('secrets: a file that is missing, empty, too large, no text or no file is an error', () => {
  mkdirSync(join(folder, 'folder'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  assertRefused({ file: 'absent' }, { problem: /no such file/, fix: /correct the path/ })
  assertRefused({ file: `${write('plain', 'x')}/below` }, { problem: /no such file/ })
  assertRefused({ file: write('empty', '') }, { problem: /file is empty/ })
  assertRefused({ file: write('line', '\n') }, { problem: /file is empty/ })
  assertRefused({ file: write('large', 'x'.repeat(65_537)) }, { problem: /file is too large/ })
  assertRefused(
    { file: write('binary', new Uint8Array([0xff, 0xfe, 0x41])) },
    { problem: /not text in UTF-8/ },
  )
  assertRefused({ file: 'folder' }, { problem: /not a regular file/ })
  assertRefused({ file: 'pipe' }, { problem: /not a regular file/ })
  assertRefused({ file: '/dev/zero' }, { problem: /not a regular file/ })
  assertRefused({ file: 'with\0zero' }, { problem: /can't be read/ })
  // The limit of the member applies too.
  assertRefused({ file: write('long', 'x'.repeat(65_536)) }, { problem: /too long/ })
})

test('secrets: a symbolic link leads to its file, as in Kubernetes', () => {
  write('linked', 'text')
  symlinkSync('linked', join(folder, 'link'))
  assertIs({ file: 'link' }, 'text')
})

test('secrets: a file that others can read or change is a warning', () => {
  const warningsOf = (mode: number) =>
    read(secretOf({ file: write('open', sentinel, mode) })).warnings.filter(({ problem }) =>
      /other users/.test(problem),
    )
  for (const mode of [0o644, 0o604, 0o602, 0o444]) {
    const [warning, ...others] = warningsOf(mode)
    assert.equal(others.length, 0)
    assert.equal(warning?.path, path)
    assert.equal(warning?.subject, 'client "machine"')
    assert.match(warning?.fix ?? '', /chmod o=/)
  }
  for (const mode of [0o600, 0o640, 0o440, 0o400]) assert.deepEqual(warningsOf(mode), [])
})

test('secrets: relative paths start from the configuration file, in a module too', async () => {
  write('beside', sentinel)
  const text = JSON.stringify(secretOf({ file: './beside' }))
  for (const [name, content] of [
    ['tessera.json', text],
    ['tessera.mjs', `export default ${text}`],
  ] as const) {
    writeFileSync(join(folder, name), content)
    const outcome = await loadConfiguration({ file: join(folder, name), environment: {} })
    assert.ok(outcome.ok, JSON.stringify(outcome))
  }
})

test('secrets: a placeholder for a variable is an error that says what to write', () => {
  for (const [written, fix] of [
    [braces('WEB_SECRET'), /^write \{ "env": "WEB_SECRET" \}$/],
    [braces('WEB_SECRET:-default'), /"env": "WEB_SECRET"/],
    [braces('web-secret'), /"env": "NAME"/],
    [braces(''), /"env": "NAME"/],
  ] as const)
    assertRefused(written, { problem: /not replaced/, fix }, { WEB_SECRET: 'set' })
})

test('secrets: other texts that look like a reference are a warning', () => {
  const problemsOf = (value: string) => read(secretOf(value)).warnings.map(({ problem }) => problem)
  for (const value of [
    `prefix-${braces('NAME')}-and-more`,
    '$WEB_SECRET_OF_THE_CLIENT',
    'env:WEB_SECRET_NAME',
    'file:/run/secrets/web',
    '{{ .Values.webSecret }}',
  ])
    assert.ok(
      problemsOf(value).some(problem => /looks like a reference/.test(problem)),
      value,
    )
  for (const value of ['a$b{c}-and-much-more', 'environment:is-a-word', '$2b$10$aaaaaaaaaaaaaaa'])
    assert.deepEqual(problemsOf(value), [])
})

test('secrets: a variable in the address of a database is a warning', () => {
  const { warnings } = read({ storage: `postgres://tessera:${braces('PGPASSWORD')}@db/tessera` })
  assert.ok(warnings.some(one => one.path === 'storage' && /looks like a reference/.test(one.problem)))
})

test('secrets: an object is exactly one of { env } and { file }', () => {
  const expected = { problem: /does not say where/, fix: /one of these/ }
  for (const value of [
    {},
    { env: 'A', file: 'b' },
    { env: '' },
    { env: 5 },
    { file: null },
    { env: 'A', default: 'x' },
    { value: 'x' },
  ])
    assertRefused(value, expected, { A: 'value' })
  for (const value of [5, null, true, ['x']]) assertRefused(value, { problem: /^it is / }, {})
})

test('secrets: a key in a file that is not a JSON object is an error without its text', () => {
  const { within, path: place } = secretMembers['identity_providers[].client_jwk']!
  for (const content of [`{ "d": "${sentinel}"`, `"${sentinel}"`, `["${sentinel}"]`]) {
    const input = within({ file: write('jwk', content) }) as Input
    assertErrors(input, [{ path: place, problem: /not a JSON object/ }], { directory: folder })
    assert.doesNotMatch(JSON.stringify(errorsOf(input, { directory: folder })), /SENTINEL/)
  }
  const input = within({ file: write('jwk', '{ "kty": "EC" }') }) as Input
  assertErrors(input, [{ path: place, problem: /not a private key/ }], { directory: folder })
})

test('secrets: "env:NAME" of a webhook keeps its meaning', () => {
  const { within, text, literal } = secretMembers['webhooks[].secrets[]']!
  const { configuration, warnings } = read(within('env:HOOK'), { HOOK: text })
  assert.deepEqual(plain(configuration), plain(read(within(literal)).configuration))
  assert.deepEqual(warnings, [])
})

test('secrets: metadata that a client registers can not refer to variables and files', () => {
  const { registration } = read({ registration: { mode: 'open' } }, { IT: sentinel }).configuration
  const file = at(write('registered', sentinel))
  const register = (value: unknown) =>
    registration.parse({
      client_id: 'registered',
      client_secrets: [{ value }],
      grant_types: ['client_credentials'],
    })
  assert.equal(register(sentinel).ok, true)
  for (const value of [{ file }, { env: 'IT' }]) {
    const outcome = register(value)
    assert.ok(!outcome.ok)
    assert.match(JSON.stringify(outcome.problems), /only a configuration file can refer/)
  }
})

test('secrets: a master key that other users can read or change is a warning', () => {
  const warningsOf = (mode: number) =>
    parsed({ master_key_file: write('master', masterKey, mode) }, { directory: folder }).warnings
  assert.deepEqual(warningsOf(0o440), [])
  const [warning, ...others] = warningsOf(0o644)
  assert.deepEqual(others, [])
  assert.equal(warning?.path, 'master_key_file')
  assert.match(warning.problem, /other users/)
})

test('secrets: the types of a module accept both forms, and no others', () => {
  const configuration = defineConfig({
    storage: { file: write('typed', 'memory:') },
    clients: [
      {
        client_id: 'machine',
        grant_types: ['client_credentials'],
        client_secrets: [{ value: { env: 'IT' } }],
      },
    ],
    users: [
      // @ts-expect-error: a number is no path
      { sub: '1', username: 'alice', password: { file: 5 } },
      // @ts-expect-error: no such source
      { sub: '2', username: 'bob', password: { path: 'x' } },
    ],
  })
  assert.deepEqual(
    errorsOf(configuration, { directory: folder, isModule: true, environment: { IT: sentinel } }).map(
      ({ path }) => path,
    ),
    ['users[0].password', 'users[1].password'],
  )
})
