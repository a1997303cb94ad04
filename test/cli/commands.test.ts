/** Commands that run and exit: usage, checks, schema, hashes. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { verify } from '@node-rs/argon2'
import { testFolder } from '../support/folder.ts'
import { finish, start, tessera } from './tessera.ts'

const folder = testFolder()

const fileOf = folder.write

for (const words of [
  [],
  ['serv'],
  ['serve'],
  ['serve', '--config'],
  ['config', 'check'],
  ['config', 'check', 'a', 'b'],
  ['keys'],
  ['demo', '--prot', '1'],
]) {
  test(`cli: \`tessera ${words.join(' ')}\` is wrong usage: exit 2 and help on standard error`, async () => {
    const { code, stdout, stderr } = await tessera(words)
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /Usage:|error: /)
  })
}

test('cli: --version and --help print to standard output and exit 0', async () => {
  const version = await tessera(['--version'])
  assert.deepEqual([version.code, /^\d+\.\d+\.\d+\n$/.test(version.stdout)], [0, true])
  const help = await tessera(['serve', '--help'])
  assert.deepEqual([help.code, /--config <file>/.test(help.stdout)], [0, true])
})

test('cli: the file of the command runs outside npm, where no condition selects the sources', async () => {
  const child = start(['config', 'check', await fileOf('bare.json', '{}')], { NODE_OPTIONS: '' })
  child.stdin.end()
  const { code, stderr } = await finish(child)
  assert.equal(code, 0, stderr)
})

test('cli: config check prints what a valid configuration contains', async () => {
  const file = await fileOf('good.yaml', 'issuer: https://login.example\ntenants: [{ name: acme }]\n')
  const { code, stdout, stderr } = await tessera(['config', 'check', file])
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /good\.yaml is valid: 0 clients.*issuer https:\/\/login\.example/)
})

test('cli: config check reports every error on standard error and exits 1', async () => {
  const file = await fileOf(
    'bad.json',
    '{ "issuer": "x", "clients": [{ "client_id": "web", "redirect_urls": [] }] }',
  )
  const { code, stdout, stderr } = await tessera(['config', 'check', file])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^issuer: it is not a URL$/m)
  assert.match(stderr, /^clients\[0\]\.redirect_urls \(client "web"\): it is not a known key$/m)
  assert.match(stderr, /did you mean "redirect_uris"\?/)
  assert.match(stderr, /^ {4}fix: {6}/m)
  assert.match(stderr, /\d errors$/m)
})

test('cli: config check --profile reports what is missing line by line, and exits 1 if anything is', async () => {
  const client = { client_id: 'web', redirect_uris: ['https://app.example/cb'], scope: 'openid' }
  const base = { issuer: 'https://login.example', storage: 'memory:' }
  const lax = await fileOf(
    'lax.json',
    JSON.stringify({ ...base, clients: [{ ...client, token_endpoint_auth_method: 'none' }] }),
  )
  const check = (...words: readonly string[]) => tessera(['config', 'check', ...words])
  const found = await check(lax, '--profile', 'fapi2-security')
  assert.equal(found.code, 1)
  assert.match(found.stdout, /^fapi2-security: \d+ of \d+ requirements are not met by /m)
  assert.match(
    found.stdout,
    /^ {2}missing: clients\[0\]\.token_endpoint_auth_method \(client "web"\): the client is public; expected: .*FAPI 2\.0 Security Profile §5\.3\.2\.1 \(3\).*; fix: write "private_key_jwt"/m,
  )
  assert.doesNotMatch(found.stdout, /^ {2}met: /m)

  const json = await check(lax, '--profile', 'fapi2-security', '--json')
  assert.equal(json.code, 1)
  const rows = json.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const unmet = rows.find(({ place }) => place === 'FAPI 2.0 Security Profile §5.3.2.1 (3)')
  assert.deepEqual([unmet.met, unmet.missing[0].path], [false, 'clients[0].token_endpoint_auth_method'])

  const keys = { jwks_uri: 'https://app.example/jwks' }
  const strict = await fileOf(
    'strict.json',
    JSON.stringify({ ...base, security_profile: 'fapi2-message-signing', clients: [{ ...client, ...keys }] }),
  )
  const whole = await check(strict, '--profile', 'fapi2-message-signing', '--verbose')
  assert.equal(whole.code, 0, whole.stdout)
  assert.match(whole.stdout, /^fapi2-message-signing: all \d+ requirements are met$/m)
  assert.match(whole.stdout, /^ {2}met: FAPI 2\.0 Message Signing §5\.3\.1 \(1\): /m)

  const unknown = await check(strict, '--profile', 'fapi1')
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /oauth2\.1, fapi2-security, fapi2-message-signing/)
  assert.equal((await check(strict, '--json')).code, 2)
})

test('cli: config check prints warnings and exits 0 if there is no error', async () => {
  const file = await fileOf('doubtful.json', '{ "host": "0.0.0.0" }')
  const { code, stderr } = await tessera(['config', 'check', file])
  assert.equal(code, 0)
  assert.match(stderr, /^warning: issuer: /)
})

test('cli: config schema prints the published schema', async () => {
  const { code, stdout } = await tessera(['config', 'schema'])
  assert.equal(code, 0)
  assert.equal(
    stdout,
    await readFile(new URL('../../docs/configuration.schema.json', import.meta.url), 'utf8'),
  )
})

test('cli: hash-secret prints the hash for a configuration, and ignores the trailing newline of echo', async () => {
  const sha256 = createHash('sha256').update('secret').digest('base64')
  for (const input of ['secret', 'secret\n', 'secret\r\n']) {
    const { code, stdout } = await tessera(['hash-secret'], input)
    assert.deepEqual([code, JSON.parse(stdout)], [0, { sha256 }])
  }
  const sha512 = createHash('sha512').update('secret').digest('base64')
  assert.deepEqual(JSON.parse((await tessera(['hash-secret', '--sha512'], 'secret\n')).stdout), { sha512 })
  assert.equal((await tessera(['hash-secret', '--sha512', '--argon2id'], 'secret')).code, 2)
  const { stdout } = await tessera(['hash-secret', '--argon2id'], 'secret')
  assert.ok(await verify(JSON.parse(stdout).argon2id, 'secret'))
  assert.equal((await tessera(['hash-secret'], '\n')).code, 1)
})

test('cli: keys of a memory store are not listed', async () => {
  const file = await fileOf('memory.json', '{ "storage": "memory:" }')
  const { code, stderr } = await tessera(['keys', 'list', '--config', file])
  assert.equal(code, 1)
  assert.match(stderr, /memory:/)
})

test('cli: serve with an invalid configuration exits 1 and starts nothing', async () => {
  const file = await fileOf(
    'faulty.json',
    '{ "clients": [{ "client_id": "a" }], "storage": "sqlite:./never.db" }',
  )
  const { code, stdout, stderr } = await tessera(['serve', '--config', file, '--port', '0'])
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /clients\[0\]/)
  await assert.rejects(readFile(folder.at('never.db')), { code: 'ENOENT' })
})
