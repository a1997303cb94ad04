/** Copies of SQLite files: each a snapshot, all of one set, and none that is not complete. */

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { backUp } from '../../packages/server/src/storage/sqlite/backup.ts'
import { testFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

const folder = testFolder()
const fixed = { name: 'root_keys', changed: 'it was rotated' }
/** More pages than one step of a backup copies. */
const severalSteps = 6000

/** Opens a file with a setting and some rows of 1,000 bytes. */
function create(file: string, rows: number): DatabaseSync {
  const database = new DatabaseSync(file)
  database.exec(`pragma journal_mode = wal; create table filler (bytes blob);
    create table settings (name text primary key, value text); insert into settings values ('root_keys', 'first');
    with recursive n (i) as (select 1 union all select i + 1 from n where i < ${rows})
    insert into filler select zeroblob(1000) from n`)
  return database
}

/** Returns the path of a server's file with two tenants, and their connections. */
function createSet(name: string, rows = 1) {
  const file = folder.at(name)
  mkdirSync(`${file}.tenants`)
  const [main, one, two] = [file, `${file}.tenants/one.db`, `${file}.tenants/two.db`].map(path =>
    create(path, path === file ? 1 : rows),
  ) as [DatabaseSync, DatabaseSync, DatabaseSync]
  const close = () => {
    for (const database of [main, one, two]) database.close()
  }
  return { file, main, one, two, close }
}

const isFirstCopy = (name: string): boolean => name.endsWith('one.db')
const namesIn = (place: string) => readdirSync(place, { recursive: true }).map(String).sort()
const complete = (name: string) => [
  name,
  `${name}.tenants`,
  `${name}.tenants/one.db`,
  `${name}.tenants/two.db`,
]

function countIn(file: string): unknown {
  const database = new DatabaseSync(file)
  const [{ integrity_check: integrity }, { count }] = [
    database.prepare('pragma integrity_check').get() as { integrity_check: string },
    database.prepare('select count(*) as count from filler').get() as { count: number },
  ]
  database.close()
  return [integrity, count]
}

test('sqlite backup: a copy is a snapshot as of its start, and writes between its steps do not start it again', async () => {
  const file = folder.at('busy.db')
  const database = create(file, severalSteps)
  const insert = database.prepare('insert into filler values (zeroblob(1000))')
  let isDone = false
  const backing = backUp(file, folder.at('busy'), fixed).finally(() => {
    isDone = true
  })
  let writes = 0
  for (; !isDone && writes < 1000; writes++) {
    insert.run()
    await new Promise(setImmediate)
  }
  await backing
  assert.ok(writes > 1, 'there were writes meanwhile')
  assert.deepEqual(countIn(folder.at('busy', 'busy.db')), ['ok', severalSteps])
  database.close()
})

test('sqlite backup: a set whose setting changes meanwhile is refused, and nothing of it is kept', async () => {
  const { file, main, close } = createSet('changed.db', severalSteps)
  const to = folder.at('changed')
  const backing = backUp(file, to, fixed)
  main.exec(`update settings set value = 'second'`)
  await assert.rejects(backing, /it was rotated/)
  assert.deepEqual(namesIn(to), [])
  await backUp(file, to, fixed)
  assert.deepEqual(namesIn(to), complete('changed.db'))
  close()
})

test('sqlite backup: a failure keeps no copy, and the next run into the folder succeeds', async () => {
  const { file, close } = createSet('failing.db')
  const to = folder.at('failing')
  const broken = `${file}.tenants/unreadable.db`
  writeFileSync(broken, 'not a database'.repeat(1000))
  await assert.rejects(backUp(file, to, fixed))
  assert.deepEqual(namesIn(to), [])
  writeFileSync(broken, '')
  await backUp(file, to, fixed)
  assert.deepEqual(namesIn(to), complete('failing.db'))
  close()
})

test('sqlite backup: a killed run leaves no file under its final name, and the next run removes what it left', async () => {
  const { file, two, close } = createSet('killed.db')
  const to = folder.at('killed')
  // The run waits at the second tenant.
  two.exec('pragma locking_mode = exclusive; begin exclusive')
  const child = fork(fileURLToPath(new URL('backing-up.ts', import.meta.url)), [file, to])
  try {
    await until('the first tenant is copied', () => existsSync(to) && namesIn(to).some(isFirstCopy))
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  assert.deepEqual(
    namesIn(to).filter(name => !name.startsWith('.tessera-backup-')),
    [],
  )
  two.exec('commit; pragma locking_mode = normal; select 1 from filler')
  await backUp(file, to, fixed)
  assert.deepEqual(namesIn(to), complete('killed.db'))
  close()
})

test('sqlite backup: an existing copy is refused and stays, and so do files of other tenants', async () => {
  const { file, close } = createSet('kept.db')
  const to = folder.at('kept')
  mkdirSync(`${to}/kept.db.tenants`, { recursive: true })
  await backUp(file, to, fixed)
  await assert.rejects(backUp(file, to, fixed), /kept\.db already exists/)
  assert.deepEqual(namesIn(to), complete('kept.db'))
  const other = folder.at('other')
  mkdirSync(`${other}/kept.db.tenants`, { recursive: true })
  writeFileSync(`${other}/kept.db.tenants/former.db`, 'x')
  await assert.rejects(backUp(file, other, fixed), /kept\.db\.tenants already exists/)
  assert.deepEqual(namesIn(other), ['kept.db.tenants', 'kept.db.tenants/former.db'])
  close()
})

test('sqlite backup: a file that does not exist is named, not created, and leaves no copy', async () => {
  const file = folder.at('absent.db')
  const to = folder.at('of-absent')
  await assert.rejects(backUp(file, to, fixed), /the database .*absent\.db does not exist/)
  assert.equal(existsSync(file), false)
  assert.deepEqual(existsSync(to) ? namesIn(to) : [], [])
})
