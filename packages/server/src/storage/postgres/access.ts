/** The end of a user's access, as part of a transaction, in PostgreSQL. */

import type { AccessEnding, EndedSession } from '../../model/ports/stores.ts'
import { endSessionsOfUser } from './sessions.ts'
import type { Run } from './statements.ts'

const endRest = `with waiting as (delete from pending_sign_ins where sub = $1),
  revoked as (
    update authorizations set revoked_at = $2
    where sub = $1 and revoked_at is null and $4::bigint = 1
      and ($3::text is null or sid is distinct from $3))
  update sessions set epoch = coalesce((select epoch from stored_users where sub = $1), epoch)
  where sub = $1 and sid = $3`

/** Answers the sessions that ended. Whoever calls it has written the user's new epoch, in a statement before. */
export async function endAccess(
  write: Run,
  sub: string,
  ending: AccessEnding,
): Promise<readonly EndedSession[]> {
  const ended = await endSessionsOfUser(write, sub, ending)
  await write(endRest, [sub, ending.at, ending.kept_sid ?? null, ending.everything ? 1 : 0])
  return ended
}
