/** Fills a database with what sign-ins leave, one in ten still living, by SQL alone: millions of rows in seconds. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openDatabase } from '../servers/tessera.ts'

/** Letters of base64url in the order of their codes: keys that rise with `i` are appended, yet lie as evenly as random ones. */
const letters = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'

/** A key of so many letters; of the same `i` the same. */
const key = (length: number): string =>
  `(${[18, 12, 6, 0].map(bits => `substr('${letters}', ((k >> ${bits}) & 63) + 1, 1)`).join(' || ')} || printf('%0${length - 4}d', i))`

/** An authorization, its code, its refresh family and a reference token. */
const rowsOfSignIn = 4

/** @param rows in all, of these tables together. */
export async function fillSqlite(directory: string, rows: number): Promise<void> {
  await (await openDatabase(directory)).close()
  const signIns = Math.floor(rows / rowsOfSignIn)
  if (signIns === 0) return
  const database = new DatabaseSync(join(directory, 'tessera.db'))
  const now = Math.floor(Date.now() / 1000)
  const day = 86_400
  database.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -1000000; begin')
  const insert = (into: string, values: string): void =>
    database.exec(`
      with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ${signIns}),
        m as (select i, i * 16777216 / ${signIns} as k, ${now} + case i % 10 when 0 then ${day} else -${day} end as until from n)
      insert into ${into} select ${values} from m`)
  insert(
    'authorizations (id, client_id, sub, sid, scope, resources, idp, amr, auth_time, created_at, expires_at, clean_at)',
    `${key(22)}, 'web', 'user-' || (i % 100000), ${key(22)}, '["api1","offline_access","openid"]', '[]', 'local', '["pwd"]',
      until - ${day}, until - ${day}, until, until`,
  )
  insert(
    'codes (hash, authorization_id, redirect_uri, code_challenge, code_challenge_method, expires_at, used_at, clean_at)',
    `${key(43)}, ${key(22)}, 'https://app.example/cb', ${key(43)}, 'S256', until - ${day} + 300, until - ${day}, until`,
  )
  insert(
    'families (id, authorization_id, client_id, generation, scope, created_at, expires_at, idle_expires_at, rotated_at, clean_at)',
    `${key(22)}, ${key(22)}, 'web', 1 + i % 50, '["api1","offline_access","openid"]', until - ${day}, until, until, until - ${day}, until`,
  )
  insert(
    'reference_tokens (hash, client_id, claims, expires_at)',
    `${key(43)}, 'web', '{"iss":"http://127.0.0.1","sub":"1","aud":"urn:api","scope":"api1"}', until`,
  )
  database.exec('commit; pragma journal_mode = wal')
  database.close()
}
