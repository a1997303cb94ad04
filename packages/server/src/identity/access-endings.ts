/**
 * Remembers the end of the access of users who are not stored here: those of the configuration, of providers and of the
 * operator's store. Stored users have an `epoch` for this: see `StoredUser`.
 */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../model/keys.ts'
import type { EndedSession, Stores } from '../model/ports/stores.ts'
import type { CheckedSubject, User } from '../model/user.ts'
import type { Awaitable, Clock, TokenHash } from '../runtime/ports.ts'

/** Longer than a browser can be remembered. */
const remembered: Seconds = 366 * 86_400

/** Clocks of two nodes may differ. */
const tolerance: Seconds = 60

export type AccessEndings = {
  /**
   * Ends the access, including that of sign-ins that are being checked or wait for a second factor. `end` deletes the
   * sessions and the waiting sign-ins that exist. It is called twice: the first time for those that do not see the new
   * mark, the second time for sign-ins that waited until then and were continued after they had seen it.
   */
  readonly end: (sub: string, end: () => Promise<readonly EndedSession[]>) => Promise<readonly EndedSession[]>
  /** Returns a number that each end changes; null if there was none. */
  readonly latest: (sub: string) => Awaitable<number | null>
  /** Returns whether the access may have ended since then. */
  readonly isSince: (latest: number | null, at: Seconds) => boolean
  /** Returns whether the access ended after the subject was checked. Call it after writing what it grants. */
  readonly isOvertaken: (subject: Pick<CheckedSubject, 'sub' | 'ending'>) => Awaitable<boolean>
}

/**
 * Returns what shows later that the user's access ended meanwhile. Read it before anything is checked that the end should
 * undo.
 * @param record undefined if the user has none.
 */
export const accessOf = async (
  sub: string,
  record: Pick<User, 'epoch'> | undefined,
  { latest }: Pick<AccessEndings, 'latest'>,
): Promise<Pick<CheckedSubject, 'epoch' | 'ending'>> =>
  record?.epoch === undefined ? { ending: await latest(sub) } : { epoch: record.epoch }

export function createAccessEndings({
  stores: { usedAssertions },
  derived,
  clock,
}: {
  readonly stores: Pick<Stores, 'usedAssertions'>
  readonly derived: DerivedKeys
  readonly clock: Clock
}): AccessEndings {
  const key = derived.permanent('access-endings')
  const hashOf = (sub: string) => createHmac('sha256', key).update(sub).digest('base64url') as TokenHash
  const mark = (sub: string): Promise<void> =>
    usedAssertions.prolong({ hash: hashOf(sub), expires_at: clock.now() + remembered })
  const latest = async (sub: string): Promise<number | null> =>
    (await usedAssertions.until(hashOf(sub))) ?? null

  return {
    latest,
    async end(sub, end) {
      await mark(sub)
      const ended = await end()
      await mark(sub)
      return [...ended, ...(await end())]
    },
    isSince: (latest, at) => latest !== null && latest - remembered >= at - tolerance,
    isOvertaken: ({ sub, ending }) => ending !== undefined && latest(sub).then(now => now !== ending),
  }
}
