/** Groups and roles of stored users on the command line, and in an export. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeConfiguration } from '../support/process.ts'
import { tessera } from './shared-process.ts'

test('cli: groups and roles are added, listed, replaced, removed, exported and imported', async () => {
  const { file, directory, remove } = await writeConfiguration({ accounts: {}, storage: 'sqlite:./a.db' })
  const users = (command: string, ...words: readonly string[]) =>
    tessera(['users', command, '--config', file, ...words])
  const add = (username: string, ...words: readonly string[]) =>
    users('add', '--username', username, '--sub', username, '--no-password', ...words)
  try {
    const added = await add('ada', '--group', 'staff', 'ops & co', '--role', 'admin', '--claims', '{"x":1}')
    assert.equal(added.code, 0, added.stderr)
    assert.match(added.stdout, / groups=\["staff","ops & co"\] roles=\["admin"\] password=none\n$/)
    assert.doesNotMatch((await add('bob')).stdout, /groups|roles/)

    const replaced = await users('set-groups', '--user', 'ada', '--group', 'dev', 'dev')
    assert.match(replaced.stdout, /^changed sub=ada .* groups=\["dev"\] roles=\["admin"\] /)
    assert.match((await users('set-roles', '--user', 'bob', '--role', 'r')).stdout, / roles=\["r"\] /)
    const [ada, bob, cleared] = [
      await users('list'),
      await users('list'),
      await users('set-groups', '--user', 'ada', '--none'),
    ].map(({ stdout }) => stdout)
    assert.equal(ada, bob)
    assert.match(cleared ?? '', /^changed sub=ada [^g]* roles=\["admin"\] /)

    const exported = join(directory, 'out')
    assert.equal((await tessera(['export', '--config', file, '--to', exported])).code, 0)
    const other = join(directory, 'b.json')
    await writeFile(other, JSON.stringify({ accounts: {}, storage: 'sqlite:./b.db' }))
    const imported = await tessera([
      'import',
      '--config',
      other,
      '--from',
      exported,
      '--kind',
      'stored_users',
    ])
    assert.equal(imported.code, 0, imported.stderr)
    const there = await tessera(['users', 'list', '--config', other])
    assert.equal(there.stdout, (await users('list')).stdout)
    assert.match(there.stdout, /^sub=ada .* roles=\["admin"\] /)
  } finally {
    await remove()
  }
})

test('cli: an error in groups and roles is reported, and nothing changes', async () => {
  const { file, remove } = await writeConfiguration({ accounts: {}, storage: 'sqlite:./a.db' })
  const users = (words: readonly string[]) => tessera(['users', ...words, '--config', file])
  const add = ['add', '--username', 'ada', '--sub', 'ada', '--no-password']
  const invalid = /a group or role is invalid; expected at most 200 names/
  try {
    assert.equal((await users([...add, '--group', 'staff'])).code, 0)
    for (const [words, told, code] of [
      [[...add, '--group', ' a'], invalid, 1],
      [[...add, '--role', 'x'.repeat(201)], invalid, 1],
      [[...add, '--group', 'a', '--claims', '{"groups":["b"]}'], /--claims contains "groups"/, 2],
      [[...add, '--claims', '{"email":"a@b.example"}'], /--claims contains "email".*expected --email,/, 2],
      [[...add, '--claims', '{"tenant":"acme"}'], /"tenant", which only this server may set/, 2],
      [['set-groups', '--user', 'ada'], /expected --group or --none/, 2],
      [['set-groups', '--user', 'ada', '--none', '--group', 'a'], /expected --group or --none/, 2],
      [['set-groups', '--user', 'ada', '--group', ''], invalid, 1],
      [['set-roles', '--user', 'nobody', '--none'], /no such user/, 1],
    ] as const) {
      const refused = await users(words)
      assert.equal(refused.code, code, refused.stderr)
      assert.match(refused.stderr, told)
    }
    assert.match((await users(['list'])).stdout, /^sub=ada .* groups=\["staff"\] password=none\n$/)
  } finally {
    await remove()
  }
})
