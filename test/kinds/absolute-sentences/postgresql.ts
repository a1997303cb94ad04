/** Names the tests that verify the absolute sentences of the guide to PostgreSQL. */

import { held, none, type Rows } from './rows.ts'

export const postgresql: Readonly<Record<string, Rows>> = {
  'docs/guides/postgresql.md': {
    'Each connection sets the isolation level': held(
      'contracts/postgres-settings.test.ts',
      'postgres: statements find the isolation and the formats that they rely on, whatever the database defaults to',
    ),
    '**The master key must be configured**, with': held(
      'keys/master-key.test.ts',
      'master key: a shared store creates none; a memory store has a new one each time',
    ),
    "A running node checks the schema's version every minute": held(
      'contracts/postgres.test.ts',
      'postgres: a node notices a newer schema once, and becomes unready if it is incompatible',
    ),
    'Each process (including each of `workers`) has at most': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: fewer connections than the pool allows serve all requests, and this is logged',
    ),
    'none of the connections is free within': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: a request that gets no connection within the limit gets 503',
    ),
    'requests share them, the log contains': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: fewer connections than the pool allows serve all requests, and this is logged',
    ),
    "While the database can't be reached or is read-only,": held(
      'contracts/postgres.test.ts',
      'postgres: while the database is unreachable the store is unavailable and not ready, and recovers afterwards',
    ),
    'A connection that had been open costs no': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: after a failover, lost open connections fail no request',
      'contracts/postgres-connections.test.ts',
      'postgres connections: a read whose response is lost is retried; a write whose outcome is unknown is not',
    ),
    'If the database does not support LISTEN,': held(
      'contracts/postgres.test.ts',
      'postgres: without LISTEN, a client disabled at one node is still disabled at another',
    ),
    'Each node compares its own clock with it': held(
      'kinds/skewed-nodes.test.ts',
      'time: a node whose clock leaps while it runs follows the database, and is unready',
    ),
    'The times in tokens, cookies and rows': held(
      'kinds/skewed-nodes.test.ts',
      'time: on PostgreSQL a node whose clock is … off agrees with the others',
    ),
    'A difference of up to **300 seconds** between': held(
      'kinds/skewed-nodes.test.ts',
      'time: on PostgreSQL a node whose clock is … off agrees with the others',
      'kinds/skewed-nodes.test.ts',
      'time: a node is unready beyond the accepted skew, logs why, and recovers automatically',
    ),
    'The error of the correction is at most': none('explains'),
    'Every statement finds its rows by an index,': held(
      'contracts/postgres-plans.test.ts',
      'postgres: every hot statement finds its rows by an index, and neither scans nor sorts a table',
    ),
    'If the announcement is lost, an old': held(
      'contracts/postgres-replica.test.ts',
      'replica: registered clients are read from it, unless it is too far behind',
    ),
    'Transactions that issue codes, refresh tokens': held(
      'contracts/postgres-replica.test.ts',
      'replica: an added, changed or removed client takes effect immediately, however far the replica is behind',
    ),
    'Requests with a registration access token': held(
      'contracts/postgres-replica.test.ts',
      'replica: an added, changed or removed client takes effect immediately, however far the replica is behind',
    ),
    'One-time credentials, sessions, principal status,': held(
      'contracts/postgres-replica.test.ts',
      'replica: only registered clients are read from it',
    ),
    'A standby that accepts connections but': held(
      'contracts/postgres-replica.test.ts',
      'replica: one that stops answering costs a request one second before the primary is asked',
    ),
    'Columns updated on every use are not indexed,': none('explains'),
  },
}
