/**
 * The rate of SQLite commits alone: one connection, every commit on disk, with 64 operations in each as our writer
 * batches them.
 */

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { hashHandle, newHandle, newTimedId } from '../../../packages/server/src/model/handle.ts'

const grouped = 64

/** Each `commit` returns its number of operations. */
export function sqliteCommits(
  directory: string,
): readonly { readonly name: string; readonly commit: () => number }[] {
  const database = new DatabaseSync(join(directory, 'limits.db'))
  database.exec(`
    pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 4000;
    create table tokens (hash text primary key, claims text not null, expires_at integer not null) strict;
    create index tokens_expires_at on tokens (expires_at);
    create table families (id text primary key, generation integer not null, rotated_at integer not null) strict;
    create table codes (hash text primary key, used_at integer) strict;
  `)
  const insertToken = database.prepare('insert into tokens values (?, ?, ?)')
  const insertFamily = database.prepare('insert into families values (?, 1, ?)')
  const insertCode = database.prepare('insert into codes values (?, null)')
  const rotate = database.prepare(
    'update families set generation = generation + 1, rotated_at = ? where id = ? and generation = ?',
  )
  const use = database.prepare('update codes set used_at = ? where hash = ? and used_at is null')
  const claims = 'x'.repeat(300)
  const hash = (): string => hashHandle(newHandle({ bytes: randomBytes }, 'tc'))
  const id = (): string => newTimedId({ bytes: randomBytes })

  const commit = (operation: () => void) => (): number => {
    database.exec('begin immediate')
    for (let done = 0; done < grouped; done++) operation()
    database.exec('commit')
    return grouped
  }

  const families = Array.from({ length: grouped }, () => ({ id: id(), generation: 1 }))
  const codes = Array.from({ length: 200_000 }, hash)
  database.exec('begin')
  for (const { id } of families) insertFamily.run(id, 0)
  for (const code of codes) insertCode.run(code)
  database.exec('commit')
  const turns = { token: 0, code: 0, family: 0 }

  return [
    {
      name: 'SQLite commit: store a token',
      commit: commit(() => insertToken.run(hash(), claims, turns.token++)),
    },
    {
      name: 'SQLite commit: redeem a code, create a family',
      commit: commit(() => {
        use.run(1, codes[turns.code++ % codes.length]!)
        insertFamily.run(id(), 0)
      }),
    },
    {
      name: 'SQLite commit: rotate a family',
      commit: commit(() => {
        const family = families[turns.family++ % grouped]!
        rotate.run(turns.family, family.id, family.generation++)
      }),
    },
  ]
}
