/** Names the tests that hold the absolute sentences of the guide to PostgreSQL. */

import { held, none, type Rows } from './rows.ts'

export const postgresql: Readonly<Record<string, Rows>> = {
  'docs/guides/postgresql.md': {
    '**The master key must be configured**, the same': held(
      'keys/master-key.test.ts',
      'master key: a store that others share makes none; one in memory has a new one each time',
    ),
    'Without `sslmode` there is none: only fit for': none('advice'),
    "A running node checks the schema's version every minute": held(
      'contracts/postgres.test.ts',
      'postgres: a node notices a newer schema once, and becomes unready where it can not live with it',
    ),
    'Each process (each of `workers`, too) has `storage_pool_size`': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: fewer than the pool wants serve all requests, and the log says so',
    ),
    'A request that finds none free in 10': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: a request that finds none free within the limit is unavailable',
    ),
    'Where the server grants fewer connections than that,': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: fewer than the pool wants serve all requests, and the log says so',
    ),
    "While the database can't be reached or only": held(
      'contracts/postgres.test.ts',
      'postgres: while the database is away the store is unavailable and not ready, and then it goes',
    ),
    'A connection that had been open costs no': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: after a failover no request fails for each connection that had been open',
      'contracts/postgres-connections.test.ts',
      'postgres connections: a read whose response is lost is repeated; a write whose outcome is',
    ),
    'where the database does not understand LISTEN they': held(
      'contracts/postgres.test.ts',
      'postgres: where LISTEN is not understood, who fell at one node is known to another all the same',
    ),
    'Each node compares its own clock with it': held(
      'kinds/skewed-nodes.test.ts',
      'time: a node whose clock leaps while it runs goes on by the database, and is unready',
    ),
    'so the times in tokens, cookies and rows': held(
      'kinds/skewed-nodes.test.ts',
      'time: on PostgreSQL a node whose clock is … off agrees with the others',
    ),
    'A difference of up to **300 seconds** between': held(
      'kinds/skewed-nodes.test.ts',
      'time: on PostgreSQL a node whose clock is … off agrees with the others',
      'kinds/skewed-nodes.test.ts',
      'time: a node is unready beyond the tolerated skew, says why, and is ready again by itself',
    ),
    'The correction is off by half a round': none('explains'),
    'Every statement finds its rows by an index,': held(
      'contracts/postgres-plans.test.ts',
      'postgres: every hot statement finds its rows by an index, and neither reads nor sorts a table',
    ),
    'Where the announcement is lost, an old row': held(
      'contracts/postgres-replica.test.ts',
      'replica: registered clients are read there, and not when it is too far behind',
    ),
    'What `commit` writes (codes, refresh tokens, reference tokens)': held(
      'contracts/postgres-replica.test.ts',
      'replica: a client that is added, changed or removed is so at once, however far it is behind',
    ),
    'Reading and changing a client by its registration': held(
      'contracts/postgres-replica.test.ts',
      'replica: a client that is added, changed or removed is so at once, however far it is behind',
    ),
    'Never read there: credentials that are used once,': held(
      'contracts/postgres-replica.test.ts',
      'replica: nothing but registered clients is read there',
    ),
    'One that takes the connection and does not': held(
      'contracts/postgres-replica.test.ts',
      'replica: one that stops answering costs a request one second before the primary is asked',
    ),
    'its role needs to call `pg_control_system()`, as every': none('others’ behaviour'),
    'credentials that are used once': none('definition'),
    'there is none so far': none('definition'),
    'the replica is never asked': none('names a case'),
  },
}
