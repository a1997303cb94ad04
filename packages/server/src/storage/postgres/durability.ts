/** Makes commits survive a crash of the database, and warns if a failover could lose them: see docs/guides/postgresql.md. */

import type { Log } from '../../runtime/ports.ts'
import { reliedUpon } from './connection.ts'
import type { Run } from './statements.ts'

/**
 * Settings of a connection, in one round trip. `$1` is its schema. With `synchronous_commit = off`, a crash of the
 * database would make used codes and refresh tokens usable again, so it is set to `on`. Other values that the operator
 * configured are kept.
 */
export const settings = `select set_config('search_path', $1, false), ${reliedUpon},
  set_config('synchronous_commit',
    coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), false)`

/** Logs settings with which data may be lost. Standbys whose state is hidden from the role are counted too. */
export async function warnOfLosses(run: Run, log: Log | undefined): Promise<void> {
  const [row = []] = (await run(look, []).catch(() => ({ rows: [] }))).rows
  const [commits, configured, synchronous, standbys] = row
  if (configured === 'off')
    log?.warn('database_commits_unsafe', {
      synchronous_commit: 'off',
      advice: 'Tessera commits with "on"; set it for the role or the database, so that other tools do too',
    })
  if (Number(standbys) === 0) return
  if (synchronous === '')
    log?.warn('database_standby_asynchronous', {
      standbys: Number(standbys),
      advice: 'a failover may lose acknowledged tokens and undo revocations: set synchronous_standby_names',
    })
  else if (commits === 'local')
    log?.warn('database_standby_asynchronous', {
      synchronous_commit: 'local',
      advice: 'commits do not wait for the synchronous standby: set synchronous_commit to on',
    })
}

/** Queries the current settings of the connection, and its default. */
const look = `select current_setting('synchronous_commit'),
  (select reset_val from pg_settings where name = 'synchronous_commit'),
  current_setting('synchronous_standby_names'),
  (select count(*) from pg_stat_replication where state is distinct from 'backup')`
