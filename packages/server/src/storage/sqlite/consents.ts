/** Consents in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { Consents } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { all, change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.consents

export const consentWrites = {
  saveConsent(database) {
    const save = change(
      database,
      `insert or replace into consents (${codec.names}) values (${codec.placeholders})`,
    )
    return (consent: Row): void => void save(...consent)
  },
  revokeConsent(database) {
    const remove = change(database, 'delete from consents where sub = ? and client_id = ?')
    const revoke = change(
      database,
      'update authorizations set revoked_at = ? where sub = ? and client_id = ? and revoked_at is null',
    )
    return (sub: string, clientId: string, at: number): boolean => {
      if (remove(sub, clientId) === 0) return false
      revoke(at, sub, clientId)
      return true
    }
  },
} as const satisfies Writes

export function createConsents(database: DatabaseSync, write: Calls<typeof consentWrites>): Consents {
  const find = one(database, `select ${codec.names} from consents where sub = ? and client_id = ?`)
  const ofUser = all(database, `select ${codec.names} from consents where sub = ? order by client_id`)
  return {
    find: reading(database, (sub, clientId) => codec.decode(find(sub, clientId) ?? [])),
    save: consent => write.saveConsent(codec.encode(consent)),
    ofUser: reading(database, sub => ofUser(sub).flatMap(row => codec.decode(row) ?? [])),
    stands: reading(database, (sub, clientId) => find(sub, clientId) !== undefined),
    revoke: (sub, clientId, at) => write.revokeConsent(sub, clientId, at),
  }
}
