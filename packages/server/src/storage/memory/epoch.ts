/** Whether a sign-in is of its user's present epoch, in memory: see `StoredUser`. */

import type { Session } from '../../model/authorization.ts'
import type { Tables } from './tables.ts'

/** Of who is no stored user there is none; a configured user of the same `sub` goes before a stored one. */
export const isOfEpoch = (
  { userRecords, users }: Tables,
  { sub, epoch }: Pick<Session, 'sub' | 'epoch'>,
): boolean => userRecords.get(sub)?.epoch === epoch || users.get(sub) === true
