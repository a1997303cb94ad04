/** Users on the command line, beside a running server. */

import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { test } from 'node:test'
import { freePort, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { tessera } from './shared-process.ts'

const password = 'seven purple kettles'

const configuration = {
  storage: 'sqlite:./tessera.db',
  accounts: {},
  tenants: [{ name: 'acme' }],
  users: [{ sub: '1', username: 'alice', password: 'alice' }],
  api_scopes: [{ name: 'api1' }],
  clients: [
    { client_id: 'direct', client_secrets: [{ value: 's' }], grant_types: ['password'], scope: 'api1' },
  ],
}

test('cli: users are added, listed, disabled, enabled and given passwords while the server runs', async () => {
  const { file, remove } = await writeConfiguration(configuration)
  const server = await serveConfiguration(file, await freePort())
  const users = (words: readonly string[], input = '') =>
    tessera(['users', words[0] ?? '', '--config', file, ...words.slice(1)], input)
  const signIn = async (secret: string) => {
    const body = new URLSearchParams({ grant_type: 'password', username: 'DORA', password: secret })
    const authorization = `Basic ${Buffer.from('direct:s').toString('base64')}`
    return (await fetch(`${server.url}/connect/token`, { method: 'POST', body, headers: { authorization } }))
      .status
  }
  try {
    const added = await users(
      ['add', '--username', 'Dora', '--email', 'd@a.example', '--email-verified'],
      `${password}\n`,
    )
    assert.equal(added.code, 0, added.stderr)
    const [, sub = ''] =
      /^added sub=(\S+) username="Dora" email=d@a\.example email_verified_at=/.exec(added.stdout) ?? []
    assert.notEqual(sub, '')
    assert.doesNotMatch(added.stdout + added.stderr, /argon2|kettles/)
    assert.equal(await signIn(password), 200)

    const listed = await users(['list'])
    assert.match(listed.stdout, new RegExp(`^sub=${sub} .* password=set\n$`))

    assert.equal((await users(['disable', '--user', sub])).code, 0)
    assert.equal(await signIn(password), 400)
    assert.match((await users(['list'])).stdout, /disabled_at=/)
    assert.equal((await users(['enable', '--user', sub])).code, 0)
    assert.equal(await signIn(password), 200)

    assert.equal((await users(['set-password', '--user', sub], 'eleven green bottles')).code, 0)
    assert.equal(await signIn(password), 400)
    assert.equal(await signIn('eleven green bottles'), 200)

    const taken = await users(['rename', '--user', sub, '--username', 'Alice'])
    assert.equal(taken.code, 1)
    assert.match(taken.stderr, /^tessera: the username is taken$/m)
    const inTheWay = await users(['add', '--username', 'D@a.example', '--no-password'])
    assert.equal(inTheWay.code, 1)
    assert.match(inTheWay.stderr, new RegExp(`belongs to sub=${sub}; "tessera users rename"`))
    const renamed = await users(['rename', '--user', sub, '--username', 'Theodora'])
    assert.match(renamed.stdout, new RegExp(`^renamed sub=${sub} username="Theodora"`))
    assert.equal(await signIn('eleven green bottles'), 400)
    assert.equal((await users(['rename', '--user', sub, '--username', 'dora'])).code, 0)
    assert.equal(await signIn('eleven green bottles'), 200)

    const found = await users(['find', '--json', 'D@A.example'])
    assert.deepEqual(JSON.parse(found.stdout), {
      ...{ sub, origin: 'store', username: 'dora', active: true },
      ...{ email: 'd@a.example', email_verified: true },
    })
    assert.match((await users(['find', 'ALICE'])).stdout, /^sub=1 origin=configuration username="alice"/)
    assert.deepEqual((await users(['find', 'nobody'])).code, 1)
    assert.equal((await users(['revoke', '--user', sub])).stdout, `revoked sub=${sub} sessions=0\n`)
    const byName = await users(['revoke', '--user', 'dora'])
    assert.deepEqual([byName.code, byName.stdout], [1, ''])
    assert.match(
      byName.stderr,
      new RegExp(`nothing was revoked; expected the sub, not the name: ${sub}$`, 'm'),
    )
    assert.match(
      (await users(['revoke', '--user', 'nobody'])).stderr,
      /not the name: see "tessera users find"$/m,
    )
    assert.equal((await users(['revoke', '--user', '1'])).code, 0)
    assert.equal(await signIn('eleven green bottles'), 200)
    const clients = (id: string) => tessera(['clients', 'revoke', id, '--config', file])
    assert.equal((await clients('direct')).stdout, 'revoked client_id="direct"\n')
    assert.match((await clients('nobody')).stderr, /no client "nobody" was ever served from this store/)
    const revoke = (...words: readonly string[]) => tessera([...words, '--config', file])
    assert.equal((await revoke('tenants', 'revoke', 'acme')).stdout, 'revoked tenant="acme"\n')
    assert.match((await revoke('tenants', 'revoke', 'nowhere')).stderr, /no tenant "nowhere"/)
    assert.match(
      (await revoke('sessions', 'revoke', '--sid', 'unknown')).stderr,
      /no session and no valid authorization has this sid/,
    )

    const exported = JSON.parse((await users(['export', 'D@a.example'])).stdout)
    assert.deepEqual(
      [exported.sub, exported.stored.stored_users[0].username, exported.stored.stored_users[0].withheld],
      [sub, 'dora', ['password']],
    )
    const output = `${file}.export`
    assert.equal((await users(['export', sub, '--output', output])).code, 0)
    assert.equal((await stat(output)).mode & 0o777, 0o600)
    assert.equal(JSON.parse(await readFile(output, 'utf8')).sub, sub)
    const twice = await users(['export', sub, '--output', output])
    assert.deepEqual([twice.code, /exist/.test(twice.stderr)], [1, true], twice.stderr)
    const counted = await users(['delete', '--user', sub, '--dry-run'])
    assert.match(counted.stdout, new RegExp(`^would delete sub=${sub} .*stored_users=1`))
    assert.match((await users(['delete', '--user', '1'])).stderr, /belongs to the configuration file/)
    assert.match(
      (await users(['delete', '--user', sub])).stdout,
      new RegExp(`^deleted sub=${sub} .*stored_users=1`),
    )
    assert.match((await users(['export', sub])).stderr, /nothing is stored about a user/)
    assert.equal(await signIn('eleven green bottles'), 400)
    assert.equal((await users(['list'])).stdout, '')
    assert.equal((await users(['delete', '--user', sub])).code, 1)
    const again = await users(['add', '--username', 'dora', '--sub', sub], `${password}\n`)
    assert.equal(again.code, 1)
    assert.match(again.stderr, /^tessera: the sub or the verified address is taken$/m)
  } finally {
    await server.stop()
    await remove()
  }
})

test('cli: an error in a user is reported, and nothing is stored', async () => {
  const { file, remove } = await writeConfiguration(configuration)
  const add = (words: readonly string[], input = password) =>
    tessera(['users', 'add', '--config', file, ...words], input)
  try {
    for (const [words, input, told, code] of [
      [['--username', 'ALICE'], password, /username is taken/, 1],
      [['--username', 'x', '--sub', 'direct'], password, /the sub or the verified address is taken/, 1],
      [['--username', 'x', '--email', 'nowhere'], password, /the email address is invalid/, 1],
      [['--username', 'x', '--in-tenant', 'nowhere'], password, /no tenant "nowhere"/, 1],
      [['--username', 'x', '--claims', '[]'], password, /not a JSON object/, 2],
      [['--username', 'x'], 'short', /too short/, 1],
      [['--username', 'x'], '', /expected a password/, 1],
      [['--username', ' '], password, /the username is invalid/, 1],
    ] as const) {
      const refused = await add(words, input)
      assert.equal(refused.code, code, refused.stderr)
      assert.match(refused.stderr, told)
    }
    assert.equal((await tessera(['users', 'list', '--config', file])).stdout, '')
    for (const command of ['disable', 'enable', 'set-password'])
      assert.match(
        (await tessera(['users', command, '--config', file, '--user', 'nobody'], password)).stderr,
        /no such user/,
      )
    const claims = ['--claims', '{"role":"boss"}', '--in-tenant', 'acme', '--no-password', '--sub', 'my-sub']
    const added = await add(['--username', 'alice', ...claims], '')
    assert.match(added.stdout, /^added sub=my-sub username="alice" tenant=acme .*password=none/)
  } finally {
    await remove()
  }
})

test('cli: the record of a user is shown, edited and set, unless somebody changed it since', async () => {
  const { file, remove } = await writeConfiguration(configuration)
  const users = (words: readonly string[], input = '') =>
    tessera(['users', words[0] ?? '', '--config', file, ...words.slice(1)], input)
  try {
    const added = await users([
      'add',
      '--username',
      'dora',
      '--sub',
      '7',
      '--group',
      'staff',
      '--no-password',
    ])
    assert.equal(added.code, 0, added.stderr)
    const shown = await users(['show', '--user', '7'])
    const record = JSON.parse(shown.stdout)
    assert.partialDeepStrictEqual(record, {
      ...{ sub: '7', username: 'dora', email_verified: false, groups: ['staff'], active: true },
      ...{ origin: 'stored', has_password: false, version: 1 },
    })
    const edited = { ...record, email: 'd@a.example', email_verified: true, claims: { name: 'Dora' } }
    const set = (value: unknown, ...words: readonly string[]) =>
      users(['set', '--user', '7', ...words], JSON.stringify(value))
    assert.match((await set(edited, '--dry-run')).stdout, /^would be changed sub=7 username="dora" version=2/)
    assert.equal((await users(['show', '--user', '7'])).stdout, shown.stdout)
    assert.match((await set(edited)).stdout, /^changed sub=7 username="dora" version=2\n/)
    assert.partialDeepStrictEqual(JSON.parse((await users(['show', '--user', '7'])).stdout), {
      ...{ email: 'd@a.example', email_verified: true, groups: ['staff'], claims: { name: 'Dora' } },
    })

    const { version: _, ...anyVersion } = edited
    for (const [value, words, problem] of [
      [edited, [], /the user was changed since; read the record again \(its version is 2\)/],
      [anyVersion, ['--if-version', '1'], /its version is 2/],
      [{ ...anyVersion, sub: '8' }, [], /sub: it differs from the user/],
      [{ ...anyVersion, tenant: 'acme' }, [], /tenant: the tenant of a user never changes/],
      [{ ...anyVersion, password: 'x' }, [], /password: it is not a known key/],
      [{ ...anyVersion, username: 'ALICE' }, [], /the username is taken/],
      [[], [], /expected one JSON object/],
    ] as const) {
      const refused = await set(value, ...words)
      assert.equal(refused.code, 1, JSON.stringify(value))
      assert.match(refused.stderr, problem)
    }
    assert.equal((await set(anyVersion, '--if-version', 'x')).code, 2)
    // An omitted member is removed.
    assert.equal((await set({ username: 'dora', active: false }, '--if-version', '2')).code, 0)
    assert.partialDeepStrictEqual(JSON.parse((await users(['show', '--user', '7'])).stdout), {
      ...{ claims: {}, active: false, email_verified: false },
    })

    const configured = JSON.parse((await users(['show', '--user', '1'])).stdout)
    assert.deepEqual(
      [configured.origin, configured.username, configured.version],
      ['file', 'alice', undefined],
    )
    const refused = await users(['set', '--user', '1'], JSON.stringify(configured))
    assert.match(refused.stderr, /belongs to the configuration file; change them there/)
    for (const verb of ['show', 'set'])
      assert.match((await users([verb, '--user', 'nobody'], '{}')).stderr, /no such user in the store/)
  } finally {
    await remove()
  }
})
