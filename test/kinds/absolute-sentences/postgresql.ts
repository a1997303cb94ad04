/** Names the tests that hold the absolute sentences of the guide to PostgreSQL. */

import { held, none, type Rows } from './rows.ts'

export const postgresql: Readonly<Record<string, Rows>> = {
  'docs/guides/postgresql.md': {
    '**The master key must be configured**, with': held(
      'keys/master-key.test.ts',
      'master key: a store that others share makes none; one in memory has a new one each time',
    ),
    "A running node checks the schema's version every minute": held(
      'contracts/postgres.test.ts',
      'postgres: a node notices a newer schema once, and becomes unready where it can not live with it',
    ),
    'Each process (including each of `workers`) has at most': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: fewer than the pool wants serve all requests, and the log says so',
    ),
    'none of the connections is free within': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: a request that finds none free within the limit is unavailable',
    ),
    'requests share them, the log contains': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: fewer than the pool wants serve all requests, and the log says so',
    ),
    "While the database can't be reached or is read-only,": held(
      'contracts/postgres.test.ts',
      'postgres: while the database is away the store is unavailable and not ready, and then it goes',
    ),
    'A connection that had been open costs no': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: after a failover no request fails for each connection that had been open',
      'contracts/postgres-connections.test.ts',
      'postgres connections: a read whose response is lost is repeated; a write whose outcome is',
    ),
    'If the database does not support LISTEN,': held(
      'contracts/postgres.test.ts',
      'postgres: where LISTEN is not understood, who fell at one node is known to another all the same',
    ),
    'Each node compares its own clock with it': held(
      'kinds/skewed-nodes.test.ts',
      'time: a node whose clock leaps while it runs goes on by the database, and is unready',
    ),
    'The times in tokens, cookies and rows': held(
      'kinds/skewed-nodes.test.ts',
      'time: on PostgreSQL a node whose clock is … off agrees with the others',
    ),
    'A difference of up to **300 seconds** between': held(
      'kinds/skewed-nodes.test.ts',
      'time: on PostgreSQL a node whose clock is … off agrees with the others',
      'kinds/skewed-nodes.test.ts',
      'time: a node is unready beyond the tolerated skew, says why, and is ready again by itself',
    ),
    'The error of the correction is at most': none('explains'),
    'Every statement finds its rows by an index,': held(
      'contracts/postgres-plans.test.ts',
      'postgres: every hot statement finds its rows by an index, and neither reads nor sorts a table',
    ),
    'If the announcement is lost, an old': held(
      'contracts/postgres-replica.test.ts',
      'replica: registered clients are read there, and not when it is too far behind',
    ),
    'Transactions that issue codes, refresh tokens': held(
      'contracts/postgres-replica.test.ts',
      'replica: a client that is added, changed or removed is so at once, however far it is behind',
    ),
    'Requests with a registration access token': held(
      'contracts/postgres-replica.test.ts',
      'replica: a client that is added, changed or removed is so at once, however far it is behind',
    ),
    'One-time credentials, sessions, principal status,': held(
      'contracts/postgres-replica.test.ts',
      'replica: nothing but registered clients is read there',
    ),
    'A standby that accepts connections but': held(
      'contracts/postgres-replica.test.ts',
      'replica: one that stops answering costs a request one second before the primary is asked',
    ),
    'Columns updated on every use are not indexed,': none('explains'),
  },
}
