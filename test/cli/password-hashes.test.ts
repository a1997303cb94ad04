/** Password hashes of other servers on the command line: added, set, listed, exported and imported. */

import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { keycloakVectors, passwordHashVectors } from '../support/password-hashes.ts'
import { freePort, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { tessera } from './shared-process.ts'

const configuration = {
  storage: 'sqlite:./tessera.db',
  accounts: {},
  api_scopes: [{ name: 'api1' }],
  clients: [
    { client_id: 'direct', client_secrets: [{ value: 's' }], grant_types: ['password'], scope: 'api1' },
  ],
}

const vectorOf = (name: string) => {
  const found = [...passwordHashVectors, ...keycloakVectors].find(vector => vector.name === name)
  assert.ok(found, name)
  return found
}

/** Users, and what is written to standard input for each. */
const exported = {
  keycloak: vectorOf('Keycloak argon2'),
  aspnet: vectorOf('ASP.NET Identity version 2'),
  bcrypt: vectorOf('bcrypt $2b$, cost 4'),
  firebase: vectorOf("Firebase's scrypt"),
}

test('cli: users with hashes of other servers are added, sign in on a running server, and have new hashes', async () => {
  const { file, remove } = await writeConfiguration(configuration)
  const server = await serveConfiguration(file, await freePort())
  const users = (words: readonly string[], input = '') =>
    tessera(['users', words[0] ?? '', '--config', file, ...words.slice(1)], input)
  const signIn = async (username: string, password: string) => {
    const body = new URLSearchParams({ grant_type: 'password', username, password })
    const authorization = `Basic ${Buffer.from('direct:s').toString('base64')}`
    return (await fetch(`${server.url}/connect/token`, { method: 'POST', body, headers: { authorization } }))
      .status
  }
  try {
    for (const [username, { hash }] of Object.entries(exported)) {
      const words = ['add', '--username', username, '--sub', username, '--password-hash']
      const added = await users(words, `${hash.replace('$aspnet-identity$', '')}\n`)
      assert.equal(added.code, 0, added.stderr)
      assert.match(added.stdout, /password=set/)
      assert.doesNotMatch(added.stdout + added.stderr, /\$/)
    }
    const imported = (stdout: string) => stdout.match(/password_hash=imported$/gm)?.length ?? 0
    // Keycloak's is argon2id already, and only less costly.
    assert.equal(imported((await users(['list'])).stdout), 3)
    for (const [username, { password }] of Object.entries(exported)) {
      assert.equal(await signIn(username, `${password}x`), 400)
      assert.equal(await signIn(username, password), 200)
    }
    assert.equal(imported((await users(['list'])).stdout), 0)
    const { hash, password } = exported.bcrypt
    const set = await users(['set-password', '--user', 'keycloak', '--password-hash'], hash)
    assert.match(set.stdout, /^changed sub=keycloak .*password_hash=imported$/m)
    assert.equal(await signIn('keycloak', exported.keycloak.password), 400)
    assert.equal(await signIn('keycloak', password), 200)
  } finally {
    await server.stop()
    await remove()
  }
})

test('cli: a hash that is refused is not quoted, and nothing is stored', async () => {
  const { file, remove } = await writeConfiguration(configuration)
  const add = (words: readonly string[], input: string) =>
    tessera(['users', 'add', '--config', file, '--username', 'x', ...words], input)
  try {
    for (const [input, told] of [
      ['hunter2', /the password hash is refused: it is not a password hash in a known format; expected /],
      [`$2b$15$${'.'.repeat(53)}`, /cost is out of bounds; expected a bcrypt cost from 04 to 14/],
      [exported.bcrypt.hash.slice(0, -1), /not an encoded bcrypt hash/],
      [exported.keycloak.hash.replace('argon2', 'argon9'), /not a password hash in a known format/],
      ['', /standard input is empty; expected a password hash/],
    ] as const) {
      const refused = await add(['--password-hash'], input)
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, told)
      assert.doesNotMatch(refused.stderr, /hunter2|AAAA/)
    }
    assert.equal((await add(['--password-hash', '--no-password'], 'x')).code, 2)
    assert.equal((await tessera(['users', 'list', '--config', file])).stdout, '')
  } finally {
    await remove()
  }
})

test('cli: an export keeps imported hashes, and an import refuses one beyond the limits with its line', async () => {
  const { file, remove } = await writeConfiguration(configuration)
  const fresh = await writeConfiguration(configuration)
  const to = (name: string) => join(dirname(file), name)
  const kind = ['--kind', 'stored_users']
  try {
    const { hash } = exported.bcrypt
    const words = ['users', 'add', '--config', file, '--username', 'dora', '--sub', 'dora', '--password-hash']
    assert.equal((await tessera(words, hash)).code, 0)
    assert.equal((await tessera(['export', '--config', file, '--to', to('good'), ...kind])).code, 0)
    const database = new DatabaseSync(to('tessera.db'))
    database.prepare('update stored_users set password = ?').run(hash.replace('$04$', '$31$'))
    database.close()
    assert.equal((await tessera(['export', '--config', file, '--to', to('bad'), ...kind])).code, 0)
    const refused = await tessera(['import', '--config', fresh.file, '--from', to('bad')])
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /bad:3: stored_users\.password: its cost is out of bounds; expected /)
    assert.equal((await tessera(['users', 'list', '--config', fresh.file])).stdout, '')
    const moved = await tessera(['import', '--config', fresh.file, '--from', `sqlite:${to('tessera.db')}`])
    assert.equal(moved.code, 1)
    assert.match(
      moved.stderr,
      /the row sub=dora is invalid: stored_users\.password: its cost is out of bounds/,
    )
    assert.doesNotMatch(moved.stderr, /\$2b\$/)
    assert.equal((await tessera(['users', 'list', '--config', fresh.file])).stdout, '')
    assert.equal((await tessera(['import', '--config', fresh.file, '--from', to('good')])).code, 0)
    const { stdout } = await tessera(['users', 'list', '--config', fresh.file])
    assert.match(stdout, /^sub=dora .*password_hash=imported$/m)
  } finally {
    await remove()
    await fresh.remove()
  }
})
