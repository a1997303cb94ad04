/**
 * The commit rate of the driver alone, in a process on the server's core: the writes of a code exchange or of a
 * refresh, 64 at once over a pool.
 */

import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { newTimedId } from '../../../packages/server/src/model/handle.ts'
import { latenciesOf } from '../load/latencies.ts'
import type { Measured } from '../measure.ts'
import { residentOf } from '../servers/usage.ts'

export type DriverWork = 'code' | 'refresh'

const [url = '', work = 'code', seconds = '1', connections = '64'] = process.argv.slice(2)
const atOnce = Number(connections)
/** As many connections as Tessera has. */
const pool = new pg.Pool({ connectionString: url, max: 10 })

/** More than can be consumed in the time. */
const rows = Math.ceil(Number(seconds) * 60_000)
await pool.query(`
  create schema if not exists driver; set search_path = driver;
  drop table if exists codes, families, authorizations;
  create table authorizations (id text collate "C" primary key, expires_at bigint not null) with (fillfactor = 75);
  create table codes (hash text collate "C" primary key, used_at bigint, expires_at bigint not null) with (fillfactor = 75);
  create table families (id text collate "C" primary key, authorization_id text, generation bigint not null, scope text,
    expires_at bigint not null, rotated_at bigint not null) with (fillfactor = 75);
  insert into families select 'family-' || i, i, 1, 'openid', 4000000000, 0 from generate_series(0, ${atOnce - 1}) i;`)
if (work === 'code')
  await pool.query(`
    insert into driver.authorizations select md5(i::text), 4000000000 from generate_series(1, ${rows}) i;
    insert into driver.codes select md5(i::text), null, 4000000000 from generate_series(1, ${rows}) i;`)
const { rows: codes } =
  work === 'code' ? await pool.query('select hash from driver.codes order by hash') : { rows: [] }

const useCode = `
  with used as (update driver.codes set used_at = $1 where hash = $2 and used_at is null and expires_at > $1 returning 1),
    founded as (insert into driver.families select $3, $2, 1, $4, $5, $1 where exists (select 1 from used)),
    extended as (update driver.authorizations set expires_at = $5 where id = $2 and exists (select 1 from used))
  select exists (select 1 from used)`
const rotate = `
  update driver.families set generation = generation + 1, rotated_at = $1
  where id = $2 and generation = $3 and expires_at > $1 returning 1`

let nextCode = 0
const generations = Array.from({ length: atOnce }, () => 1)
const commits: Record<
  DriverWork,
  (chain: number) => Promise<{ readonly rows: readonly (readonly unknown[])[] }>
> = {
  code: () =>
    pool.query({
      ...{ name: 'code', text: useCode, rowMode: 'array' },
      values: [1, codes[nextCode++]?.hash, newTimedId({ bytes: randomBytes }), '["openid"]', 4_000_000_001],
    }),
  refresh: chain =>
    pool.query({
      ...{ name: 'rotate', text: rotate, rowMode: 'array' },
      values: [1, `family-${chain}`, generations[chain]!++],
    }),
}

/** One operation after the other, until the time is over. */
async function chain(index: number, end: number, times: number[]): Promise<void> {
  while (performance.now() < end && nextCode < rows) {
    const before = performance.now()
    const { rows: answered } = await commits[work as DriverWork](index)
    if (!answered[0]?.[0]) throw new Error('a commit was lost')
    times.push(performance.now() - before)
  }
}

const chains = (end: number, times: number[]): Promise<unknown> =>
  Promise.all(generations.map((_, index) => chain(index, end, times)))

await chains(performance.now() + Number(seconds) * 500, [])
const times: number[] = []
const start = performance.now()
const before = process.cpuUsage()
await chains(start + Number(seconds) * 1000, times)
const { user, system } = process.cpuUsage(before)
const took = (performance.now() - start) / 1000
process.send?.({
  ...latenciesOf(times),
  requests: times.length,
  seconds: took,
  perSecond: times.length / took,
  perCpuSecond: (times.length * 1e6) / (user + system),
  rss: residentOf(process.pid),
  replaysRefused: 0,
} satisfies Measured)
await pool.end()
process.disconnect?.()
