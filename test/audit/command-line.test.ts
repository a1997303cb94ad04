/** `tessera audit`: verification, export and what commands record. */

import assert from 'node:assert/strict'
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { tessera } from '../cli/shared-process.ts'
import { writeConfiguration } from '../support/process.ts'

const configuration = {
  storage: 'sqlite:./tessera.db',
  accounts: {},
  api_scopes: [{ name: 'api1' }],
  clients: [
    {
      client_id: 'one',
      client_secrets: [{ value: 'a-secret-of-sixteen' }],
      grant_types: ['client_credentials'],
    },
  ],
}

test('cli: the audit log is verified and exported, and tampering is reported with its record or line', async () => {
  const { file, remove } = await writeConfiguration(configuration)
  const folder = dirname(file)
  const [exported, key] = [join(folder, 'audit.ndjson'), join(folder, 'audit.jwk')]
  const audit = (...words: readonly string[]) => tessera(['audit', ...words])
  const here = ['--config', file]
  try {
    assert.match((await audit('verify', ...here)).stderr, /does not exist/)
    assert.equal((await tessera(['migrate', ...here])).code, 0)
    assert.equal((await audit('verify', ...here)).stdout, 'the audit log is empty\n')
    const add = ['users', 'add', ...here, '--username', '=dora', '--sub', '-dora-1', '--no-password']
    assert.equal((await tessera(add)).code, 0)
    assert.equal((await tessera(['users', 'disable', ...here, '--user', '-dora-1'])).code, 0)
    assert.equal((await tessera(['users', 'list', ...here])).code, 0)

    const verified = await audit('verify', ...here)
    assert.equal(verified.code, 0, verified.stderr)
    const [, head = ''] =
      /^verified records=4 first=1 erased=0\nhead (4:[\w-]{43})\n$/.exec(verified.stdout) ?? []
    assert.notEqual(head, '', verified.stdout)

    const out = await audit('export', ...here)
    assert.ok(out.stderr.split('\n').includes(`head ${head}`), out.stderr)
    const lines = out.stdout.trimEnd().split('\n')
    const records = lines.map(line => JSON.parse(line).record)
    assert.deepEqual(
      records.map(({ type, data }) => data.command ?? type),
      ['users add', 'user.created', 'users disable', 'user.disabled'],
    )
    assert.equal(records[0].actor.kind, 'command_line')
    assert.ok(records[0].actor.os_user)
    assert.deepEqual(records[0].data.options, ['--config', '--username', '--sub', '--no-password'])
    assert.doesNotMatch(out.stdout, /=dora/)
    // It can't be erased from the signed text.
    assert.doesNotMatch(JSON.stringify(records), /dora/)

    await writeFile(exported, out.stdout)
    await writeFile(key, (await audit('key', ...here)).stdout)
    const offline = await audit('verify', exported, '--key', key, '--head', head)
    assert.equal(offline.stdout, verified.stdout)
    assert.equal((await audit('verify', exported, ...here)).code, 0)
    await writeFile(
      exported,
      lines.with(1, (lines[1] ?? '').replace('user.created', 'user.updated')).join('\n'),
    )
    const changed = await audit('verify', exported, '--key', key)
    assert.equal(changed.code, 1)
    assert.match(changed.stderr, /record 2: its signature is wrong/)
    // Other programs may show the first of two members, which is not signed.
    const [, second = ''] = lines
    const twice = second.replace('"data":{', '"data":{"sub":"forged"},"data":{')
    assert.notEqual(twice, second)
    await writeFile(exported, lines.with(1, twice).join('\n'))
    assert.match((await audit('verify', exported, '--key', key)).stderr, /line 2 is no record as it was/)
    await writeFile(exported, lines.with(1, second.replace(/\}$/, ',"note":"forged"}')).join('\n'))
    assert.match((await audit('verify', exported, '--key', key)).stderr, /line 2 is no record as it was/)
    await writeFile(exported, lines.slice(1).join('\n'))
    assert.match((await audit('verify', exported, '--key', key)).stderr, /up to 1 are missing/)
    assert.equal((await audit('verify', exported, '--key', key, '--part')).code, 0)
    await writeFile(exported, 'no line\n')
    assert.match((await audit('verify', exported, '--key', key)).stderr, /line 1 is no record/)

    const csv = await audit('export', ...here, '--format', 'csv', '--user', '-dora-1')
    assert.match(csv.stdout, /^seq,time,type.*\n"2","\d{4}-.*"user\.created".*\n"4",.*\n$/)
    const typed = await audit('export', ...here, '--type', 'user.disabled', '--actor', 'command_line')
    assert.equal(typed.stdout, `${lines[3]}\n`)
    const none = await audit('export', ...here, '--until', '2020-01-01T00:00:00Z')
    assert.equal(none.stdout, '')

    const database = new DatabaseSync(join(folder, 'tessera.db'))
    database.exec('delete from audit_records where seq = 4')
    assert.equal((await audit('verify', ...here)).code, 0)
    const truncated = await audit('verify', ...here, '--head', head)
    assert.match(truncated.stderr, /record 4: it is missing: the log ends before the given head 4/)
    database.exec('delete from audit_records where seq = 2')
    database.close()
    assert.match((await audit('verify', ...here)).stderr, /record 2: it is missing/)
    assert.equal((await audit('verify', ...here, '--from', '3')).code, 0)
    assert.equal((await audit('verify', ...here, '--to', '1', '--head', head)).code, 0)
  } finally {
    await remove()
  }
})

test('cli: what is personal in the records about a user is erased, which is recorded', async () => {
  const { file, remove } = await writeConfiguration(configuration)
  const here = ['--config', file]
  const audit = (...words: readonly string[]) => tessera(['audit', ...words, ...here])
  try {
    await tessera(['users', 'add', ...here, '--username', 'dora', '--sub', 'dora-1', '--no-password'])
    assert.equal((await audit('erase', '--user', 'dora-1')).stdout, 'erased records=1\n')
    const again = await audit('erase', '--user', 'dora-1')
    assert.deepEqual([again.code, again.stdout], [1, ''])
    assert.match(again.stderr, /no record has personal members about the user "dora-1"/)
    const { stdout } = await audit('export')
    assert.doesNotMatch(stdout, /dora/)
    const types = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).record)
    assert.deepEqual(
      types.map(({ type, data }) => data.command ?? type),
      ['users add', 'user.created', 'audit erase', 'audit.erased', 'audit erase'],
    )
    assert.match((await audit('verify')).stdout, /^verified records=5 first=1 erased=1\n/)
  } finally {
    await remove()
  }
})

test('cli: copying, filling and migrating a store is recorded, or the command says why not', async () => {
  const { file, directory, remove } = await writeConfiguration(configuration)
  const spare = join(directory, 'spare.json')
  await writeFile(spare, JSON.stringify({ ...configuration, storage: 'sqlite:./spare.db' }))
  const [copy, copies] = [join(directory, 'copy.jsonl'), join(directory, 'copies')]
  const commandsOf = async (config: string) => {
    const { stdout } = await tessera(['audit', 'export', '--config', config])
    const records = stdout.split('\n').filter(line => line !== '')
    return records.map(line => JSON.parse(line).record.data.command as string | undefined)
  }
  const run = async (words: readonly string[]) => {
    const { code, stderr } = await tessera(words)
    assert.equal(code, 0, stderr)
    return stderr
  }
  try {
    // Nobody has used the store: there is no key that could sign.
    assert.equal(await run(['migrate', '--config', file]), '')
    assert.deepEqual(await commandsOf(file), [])
    assert.doesNotMatch(await run(['export', '--config', file, '--to', copy]), /not recorded/)
    assert.doesNotMatch(await run(['backup', '--config', file, '--to', copies]), /not recorded/)
    assert.doesNotMatch(await run(['migrate', '--config', file]), /not recorded/)
    assert.deepEqual(await commandsOf(file), ['export', 'backup', 'migrate'])

    await copyFile(join(directory, 'tessera.db.key'), join(directory, 'spare.db.key'))
    assert.doesNotMatch(await run(['import', '--config', spare, '--from', copy]), /not recorded/)
    assert.deepEqual(await commandsOf(spare), ['export', 'import'])
    assert.match(
      (await tessera(['audit', 'verify', '--config', spare])).stdout,
      /^verified records=2 first=1/,
    )

    await rename(join(directory, 'tessera.db.key'), join(directory, 'elsewhere'))
    const unrecorded = await run(['export', '--config', file, '--to', join(directory, 'other.jsonl')])
    assert.match(unrecorded, /this command is not recorded in the audit log: .*key/)
    await rename(join(directory, 'elsewhere'), join(directory, 'tessera.db.key'))
    // One of another version: its servers may still be running.
    const database = new DatabaseSync(join(directory, 'tessera.db'))
    database.exec('pragma user_version = 1')
    const older = await run(['backup', '--config', file, '--to', join(directory, 'older')])
    assert.match(older, /not recorded in the audit log: the store has the schema of another version/)
    assert.equal(database.prepare('pragma user_version').get()?.user_version, 1)
    database.close()
  } finally {
    await remove()
  }
})

test('cli: wrong options of audit commands are refused', async () => {
  const { file, remove } = await writeConfiguration(configuration)
  try {
    const codeOf = async (...words: readonly string[]) => (await tessera(['audit', ...words])).code
    assert.equal(await codeOf('verify'), 2)
    assert.equal(await codeOf('verify', 'x.ndjson'), 2)
    assert.equal(await codeOf('verify', '--config', file, '--head', '4'), 2)
    assert.equal(await codeOf('verify', '--config', file, '--from', '0'), 2)
    assert.equal(await codeOf('verify', 'x.ndjson', '--key', file), 1)
    assert.equal(await codeOf('export', '--config', file, '--since', 'yesterday'), 2)
    assert.match(await readFile(file, 'utf8'), /clients/)
  } finally {
    await remove()
  }
})
