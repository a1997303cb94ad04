/** Clients, resources, providers and tenants on the command line, in this process. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lineOf } from '../../packages/server/src/cli/issuer.ts'
import { run } from '../../packages/server/src/cli/program.ts'
import { writeConfiguration } from '../support/process.ts'
import { forgeId } from '../support/sealed-clients.ts'
import { issuer, masterKey } from '../support/tessera.ts'

const configuration = {
  issuer,
  storage: 'sqlite:./tessera.db',
  api_scopes: [{ name: 'api1' }],
  tenants: [{ name: 'filed', issuer: 'path' }],
  accounts: {},
  clients: [
    {
      client_id: 'filed',
      client_secrets: [{ value: 'a long enough secret' }],
      grant_types: ['client_credentials'],
      scope: 'api1',
    },
  ],
}

const tables = fileURLToPath(new URL('../migration/fixtures/identityserver4-tables.json', import.meta.url))

/** Runs a command, and returns its exit code and what it wrote. */
async function tessera(words: readonly string[]) {
  const streams = { stdout: process.stdout, stderr: process.stderr }
  const written = { stdout: '', stderr: '' }
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write }
  for (const name of ['stdout', 'stderr'] as const)
    streams[name].write = ((text: string | Uint8Array) => {
      written[name] += String(text)
      return true
    }) as never
  try {
    return { code: await run(words), ...written }
  } finally {
    for (const name of ['stdout', 'stderr'] as const) streams[name].write = originals[name]
  }
}

test('command line: a value with control characters stays one line', () => {
  assert.equal(lineOf({ name: 'a\nb', at: 0, n: 1 }), 'name=a\\u000ab at=1970-01-01T00:00:00Z n=1')
  assert.equal(lineOf({ name: '\u009b2J\u202e' }), 'name=\\u009b2J\\u202e')
})

test('cli: entries are added, shown, replaced, rotated and removed', async () => {
  process.env.TESSERA_LOG_LEVEL = 'silent'
  process.env.TESSERA_MASTER_KEY = masterKey
  const { file, remove } = await writeConfiguration(configuration)
  const json = join(dirname(file), 'entry.json')
  const entry = (value: unknown) => writeFile(json, JSON.stringify(value))
  const on = (group: string, verb: string, ...rest: string[]) =>
    tessera([group, verb, ...rest, '--config', file])
  try {
    await entry({ name: 'orders', display_name: 'Orders' })
    const dry = await on('scopes', 'add', '--file', json, '--dry-run')
    assert.match(dry.stdout, /^would be added id="orders" origin=stored version=1 name="Orders" /)
    assert.match((await on('scopes', 'add', '--file', json)).stdout, /^added id="orders" /)
    const again = await on('scopes', 'add', '--file', json)
    assert.deepEqual([again.code, again.stdout], [1, ''])
    assert.match(again.stderr, /^tessera: there is an entry of this name/)
    assert.equal(
      (await on('scopes', 'list')).stdout.replace(/ created_at.*/, ''),
      'id="api1" origin=file\nid="orders" origin=stored version=1 name="Orders"\n',
    )

    await entry({ client_id: 'web', grant_types: ['client_credentials'], scope: 'order' })
    const invalid = await on('clients', 'add', '--file', json, '--generate-secret')
    assert.equal(invalid.code, 1)
    assert.match(
      invalid.stderr,
      /^scope \(client "web"\): "order" is not a known scope\n {4}expected: .*did you mean "orders"/,
    )
    await entry({ client_id: 'web', grant_types: ['client_credentials'], scope: 'orders' })
    const added = await on('clients', 'add', '--file', json, '--generate-secret')
    assert.match(added.stdout, /^added id="web" .* secret=tcs_[\w-]{43}\n$/)
    const shown = JSON.parse((await on('clients', 'show', 'web', '--json')).stdout)
    assert.deepEqual([shown.version, shown.origin, shown.entry.scope], [2, 'stored', 'orders'])

    await entry({ ...shown.entry, enabled: false })
    const old = await on('clients', 'set', 'web', '--file', json, '--if-version', '7')
    assert.match(old.stderr, /changed meanwhile; read it again \(its version is 2\)/)
    assert.match(
      (await on('clients', 'set', 'web', '--file', json, '--if-version', '2')).stdout,
      /^replaced .*version=3 enabled=false/,
    )
    // The output of `show --json` can be edited and sent back, and names its version.
    const whole = JSON.parse((await on('clients', 'show', 'web', '--json')).stdout)
    await entry({ ...whole, entry: { ...whole.entry, enabled: true } })
    assert.match((await on('clients', 'set', 'web', '--file', json)).stdout, /^replaced .*version=4 /)
    assert.match((await on('clients', 'set', 'web', '--file', json)).stderr, /changed meanwhile/)
    assert.match(
      (await on('clients', 'rotate-secret', 'web', '--overlap', '60')).stdout,
      /^rotated .* secret=tcs_/,
    )
    assert.deepEqual((await on('clients', 'list', '--filter', 'WEB', '--origin', 'file')).stdout, '')

    const referenced = await on('scopes', 'remove', 'orders')
    assert.match(referenced.stderr, /refer to it; change them first\n {2}clients "web"\n$/)
    assert.match((await on('clients', 'remove', 'web')).stdout, /^removed id="web"/)
    assert.equal((await on('scopes', 'remove', 'orders')).code, 0)
    assert.equal((await on('clients', 'remove', 'filed')).code, 1)
    assert.equal((await on('clients', 'show', 'web')).code, 1)

    await entry({ name: 'initech' })
    assert.equal((await on('tenants', 'add', '--file', json)).code, 0)
    const peter = ['--username', 'peter', '--in-tenant', 'initech', '--sub', 'peter', '--no-password']
    assert.equal((await on('users', 'add', ...peter)).code, 0)
    const inhabited = await on('tenants', 'remove', 'initech')
    assert.equal(inhabited.code, 1)
    assert.match(inhabited.stderr, /users belong to the tenant; .* \(their number is 1\)\n$/)

    const smtp = { host: '127.0.0.1', port: 9, username: 'a', password: 'not to be shown' }
    await entry({ name: 'acme', issuer: 'path', clients: [], mail: { from: 'a@acme.example', smtp } })
    assert.equal((await on('tenants', 'add', '--file', json)).code, 0)
    await entry({ name: 'shared' })
    assert.equal((await on('tenants', 'add', '--file', json)).code, 0)
    const user = ['--username', 'dora', '--no-password', '--in-tenant']
    assert.match((await on('users', 'add', ...user, 'shared')).stdout, /^added .*tenant=shared/)
    assert.match((await on('users', 'add', ...user, 'other')).stderr, /no tenant "other"/)
    await entry({ name: 'inner' })
    assert.equal((await on('scopes', 'add', '--tenant', 'acme', '--file', json)).code, 0)
    assert.match((await on('scopes', 'list', '--tenant', 'acme', '--origin', 'stored')).stdout, /^id="inner"/)
    assert.match((await on('scopes', 'list', '--tenant', 'other')).stderr, /no tenant "other"/)

    // Both find tenants that are not in the file.
    const mailed = await on('mail', 'test', '--to', 'a@example.com', '--tenant', 'acme')
    assert.equal(mailed.code, 1)
    assert.match(mailed.stderr, /mail\.smtp: 127\.0\.0\.1:9: 127\.0\.0\.1 is at a private address/)
    assert.match(
      (await on('mail', 'test', '--to', 'a@example.com', '--tenant', 'other')).stderr,
      /no tenant "other"/,
    )
    const imported = ['import', '--from', 'identityserver', tables, '--apply', '--config', file, '--tenant']
    assert.match((await tessera([...imported, 'acme'])).stdout, /users: added 2, already there 0/)
    assert.match((await tessera([...imported, 'filed'])).stdout, /users: added 2, already there 0/)
    const unknown = await tessera([...imported, 'other'])
    assert.deepEqual([unknown.code, /no tenant "other"/.test(unknown.stderr)], [1, true])
    const subsOf = async (...rest: string[]) =>
      (await on('users', 'list', ...rest)).stdout.match(/\bsub=\S+/g)
    assert.deepEqual(await subsOf('--tenant', 'acme'), await subsOf('--tenant', 'filed'))
    assert.equal((await subsOf('--tenant', 'acme'))?.length, 2)

    const revoked = (store: string, kind: string) => {
      const database = new DatabaseSync(join(dirname(file), store), { readOnly: true })
      const sql = 'select id from standing where kind = ? and revoked_at is not null order by id'
      const ids = database
        .prepare(sql)
        .all(kind)
        .map(({ id }) => id)
      database.close()
      return ids
    }
    const revoke = async (...words: string[]) => (await on(words[0]!, 'revoke', ...words.slice(1))).stdout
    for (const tenant of ['acme', 'filed', 'shared'])
      assert.equal(await revoke('tenants', tenant), `revoked tenant="${tenant}"\n`)
    for (const tenant of ['acme', 'filed'])
      assert.equal(revoked(`tessera.db.tenants/${tenant}.db`, 'tenant').length, 1)
    assert.deepEqual(revoked('tessera.db', 'tenant'), ['shared'])

    const documentUrl = 'https://app.client.example/client.json'
    assert.equal(await revoke('clients', documentUrl), `revoked client_id="${documentUrl}"\n`)
    assert.equal(
      await revoke('clients', documentUrl, '--tenant', 'acme'),
      `revoked client_id="${documentUrl}"\n`,
    )
    for (const store of ['tessera.db', 'tessera.db.tenants/acme.db'])
      assert.deepEqual(revoked(store, 'published_client'), [documentUrl])
    assert.match((await on('clients', 'revoke', 'http://app.client.example/')).stderr, /was ever served/)

    const sealed = forgeId()
    const blocked = async (...words: string[]) => (await on('clients', 'blocked', ...words)).stdout
    const change = async (...words: string[]) => {
      const { code, stdout, stderr } = await on('clients', words[0]!, ...words.slice(1))
      return `${code} ${stdout}${stderr}`
    }
    assert.equal(await blocked(), '')
    assert.equal(await change('block', sealed), `0 blocked client_id="${sealed}"\n`)
    assert.equal(await change('block', sealed), `0 already blocked client_id="${sealed}"\n`)
    assert.equal(
      await change('block', '--redirect-host', 'spam.example'),
      '0 blocked redirect_host="spam.example"\n',
    )
    assert.equal(await change('block', '--redirect-host', 'myapp:'), '0 blocked redirect_host="myapp:"\n')
    assert.equal(await change('block', '--sealed', '--tenant', 'acme'), '0 blocked sealed\n')
    assert.equal(await blocked('--tenant', 'acme'), 'sealed\n')
    assert.equal(
      await blocked(),
      `client_id="${sealed}"\nredirect_host="myapp:"\nredirect_host="spam.example"\n`,
    )
    assert.equal(await change('unblock', sealed), `0 unblocked client_id="${sealed}"\n`)
    assert.equal(await change('unblock', sealed), `0 already unblocked client_id="${sealed}"\n`)
    const cut = sealed.slice(0, -1)
    assert.match(await change('block', cut), /^1 .*this issuer did not make it; copy the whole/)
    assert.match(await change('block', sealed, '--tenant', 'acme'), /^1 .*this issuer did not make/)
    assert.match((await on('clients', 'revoke', cut)).stderr, /was ever served/)
    assert.match(await change('block', 'filed'), /^1 .*client_id="filed": it is configured or stored/)
    assert.match(await change('block', '--redirect-host', 'Spam.example'), /^1 .*write "spam\.example"/)
    assert.match(await change('block', '--redirect-host', '*'), /^1 .*it is not a host/)
    assert.match(await change('block', 'sealed1.QUJD='), /^1 .*it is not a sealed id; copy the whole/)
    assert.match(await change('block', 'https://app.example'), /^1 .*it has no path/)
    assert.match(await change('block', '--redirect-host', 'https:'), /^1 .*not the scheme of/)
    assert.match(await change('block'), /^2 .*name one of a client_id/)
    assert.match(await change('block', sealed, '--sealed'), /^2 .*name one of a client_id/)

    await writeFile(json, '{ "name": "secret')
    const broken = await on('providers', 'add', '--file', json)
    assert.match(broken.stderr, /entry\.json: it is not JSON; expected one JSON object\n$/)
    assert.doesNotMatch(broken.stderr, /secret/)
    assert.equal((await on('providers', 'add', '--file', `${json}.missing`)).code, 1)
    assert.equal((await on('clients', 'set', 'web', '--file', json, '--if-version', 'x')).code, 2)
    assert.equal((await on('clients', 'rotate-secret', 'web', '--overlap', '-1')).code, 2)
  } finally {
    delete process.env.TESSERA_LOG_LEVEL
    delete process.env.TESSERA_MASTER_KEY
    await remove()
  }
})

test('cli: the default scopes of an API are stored, and checked against its scopes', async () => {
  process.env.TESSERA_LOG_LEVEL = 'silent'
  const { file, remove } = await writeConfiguration(configuration)
  const json = join(dirname(file), 'entry.json')
  const add = async (default_scopes: readonly string[]) => {
    await writeFile(json, JSON.stringify({ name: 'urn:orders', scopes: ['api1'], default_scopes }))
    return tessera(['resources', 'add', '--file', json, '--config', file])
  }
  try {
    const unfit = await add(['api'])
    assert.deepEqual([unfit.code, unfit.stdout], [1, ''])
    assert.match(unfit.stderr, /default_scopes\[0\].*"api" is not a scope of this API.*write "api1"/s)
    assert.match((await add(['api1'])).stdout, /^added id="urn:orders" /)
    const shown = await tessera(['resources', 'show', 'urn:orders', '--json', '--config', file])
    assert.deepEqual(JSON.parse(shown.stdout).entry.default_scopes, ['api1'])
  } finally {
    await remove()
  }
})

test('cli: config check --store reports entries that a file no longer fits, and weak hashes, and changes no store', async () => {
  process.env.TESSERA_LOG_LEVEL = 'silent'
  const { file, remove } = await writeConfiguration(configuration)
  const at = (name: string) => join(dirname(file), name)
  const write = (name: string, value: unknown) => writeFile(at(name), JSON.stringify(value))
  const add = async (group: string, value: unknown, ...rest: string[]) => {
    await write('entry.json', value)
    const added = await tessera([group, 'add', '--file', at('entry.json'), '--config', file, ...rest])
    assert.equal(added.code, 0, added.stderr)
  }
  const check = (name: string) => tessera(['config', 'check', at(name), '--store'])
  const [running] = [basename(file)]
  try {
    const early = await check(running)
    assert.equal(early.code, 1)
    assert.match(early.stderr, /tessera\.db does not exist/)
    assert.equal(existsSync(at('tessera.db')), false)

    const service = {
      grant_types: ['client_credentials'],
      client_secrets: [{ value: 'a long enough secret' }],
    }
    const argon2id = `$argon2id$v=19$m=1024,t=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
    await add('scopes', { name: 'orders' })
    await add('clients', { ...service, client_id: 'web', scope: 'api1 orders' })
    await add('clients', { ...service, client_id: 'weak', scope: 'orders', client_secrets: [{ argon2id }] })
    await add('tenants', { name: 'acme', issuer: 'path' })
    await add('clients', { ...service, client_id: 'inner', scope: 'api1' }, '--tenant', 'acme')
    await add('clients', { ...service, client_id: 'inner', scope: 'api1' }, '--tenant', 'filed')
    const good = await check(running)
    assert.equal(good.code, 0, good.stderr)
    assert.match(good.stdout, /\nthe store is valid: 6 entries\n$/)
    assert.match(
      good.stderr,
      /^warning: client_secrets\[0\] \(stored in clients: "weak"\): it is easy to guess from: argon2 with m=1024, t=1\n/,
    )
    assert.doesNotMatch(good.stderr, /AAAA/)

    const profiled = await tessera(['config', 'check', file, '--store', '--profile', 'fapi2-security'])
    assert.equal(profiled.code, 1)
    assert.match(
      profiled.stdout,
      /^the store is valid: 6 entries\nfapi2-security: \d+ of \d+ requirements are not met/m,
    )
    for (const place of ['clients[0]', 'stored clients[0]', 'stored clients[1]'])
      assert.ok(profiled.stdout.includes(`\n  missing: ${place}.token_endpoint_auth_method (client "`), place)
    const json = ['config', 'check', file, '--store', '--profile', 'fapi2-security', '--json']
    const records = (await tessera(json)).stdout.trim().split('\n')
    const unmet = records.map(line => JSON.parse(line)).filter(({ met }) => !met)
    assert.ok(
      unmet.some(({ missing }) =>
        missing.some((one: { path: string }) => one.path === 'stored clients[0].token_endpoint_auth_method'),
      ),
    )

    await write('changed.json', {
      ...configuration,
      api_scopes: [],
      clients: [{ ...service, client_id: 'weak', scope: 'openid' }],
    })
    const before = readFileSync(at('tessera.db'))
    const changed = await check('changed.json')
    assert.equal(changed.code, 1)
    const lines = changed.stderr.split('\n').filter(line => /^(warning: )?\S+ \(stored/.test(line))
    assert.deepEqual(lines, [
      'warning: (top) (stored in clients: "weak"): the file has an entry of this name, which is used instead',
      'scope (stored in clients: "web"): "api1" is not a known scope',
      'scope (stored in clients: "inner", tenant filed): "api1" is not a known scope',
      'scope (stored in clients: "inner", tenant acme): "api1" is not a known scope',
    ])
    assert.match(changed.stderr, /\nthe store: 3 errors\n$/)
    assert.deepEqual(readFileSync(at('tessera.db')), before)

    // A store of an earlier version stays as it is.
    for (const name of [at('tessera.db.tenants/acme.db'), at('tessera.db')]) {
      const database = new DatabaseSync(name)
      database.exec('pragma user_version = 1')
      const old = await check(running)
      assert.equal(old.code, 1)
      assert.match(
        old.stderr,
        /the store( of tenant "acme")? has schema 1, and this command reads \d+; run tessera migrate first/,
      )
      // Of one broken tenant, the others are checked nevertheless.
      if (name.endsWith('acme.db')) {
        const others = await check('changed.json')
        assert.equal(others.code, 1)
        assert.match(others.stderr, /^tessera: tenant "acme": the store of tenant "acme" has schema 1/m)
        assert.match(
          others.stderr,
          /tenant filed\): "api1" is not a known scope[\s\S]*the store: 2 errors\n$/,
        )
      }
      assert.equal(database.prepare('pragma user_version').get()?.user_version, 1)
      database.close()
    }
  } finally {
    delete process.env.TESSERA_LOG_LEVEL
    await remove()
  }
})
