/** Device authorizations in SQLite (RFC 8628). */

import type { DatabaseSync } from 'node:sqlite'
import type { AuthorizationId } from '../../model/authorization.ts'
import type { DeviceAuthorizations } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { authorizationCodec, insertAuthorization } from './authorizations.ts'
import { codecs, type Row } from './codecs.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.devices

const pending = `user_code_hash = ? and status = 'pending' and expires_at > ?`

export const deviceWrites = {
  issueDevice(database) {
    const insert = change(
      database,
      `insert into devices (${codec.names}) values (${codec.placeholders}) on conflict (user_code_hash) do nothing`,
    )
    return (device: Row): boolean => insert(...device) === 1
  },
  pollDevice(database) {
    // RFC 8628 §3.5: each `slow_down` lengthens the interval by 5 seconds.
    const poll = change(
      database,
      'update devices set last_polled_at = coalesce(?, last_polled_at), interval = interval + ? where hash = ?',
    )
    return (hash: TokenHash, at: number | null, longer: 0 | 5): void => void poll(at, longer, hash)
  },
  approveDevice(database) {
    const authorize = insertAuthorization(database)
    const approve = change(
      database,
      `update devices set status = 'approved', authorization_id = ? where ${pending}`,
    )
    const stands = one(database, 'select 1 from sessions where sid = ?')
    return (
      userCode: TokenHash,
      id: AuthorizationId,
      authorization: Row,
      at: number,
      sid: string,
    ): boolean => {
      if (!stands(sid) || approve(id, userCode, at) === 0) return false
      authorize(authorization)
      return true
    }
  },
  denyDevice(database) {
    const deny = change(database, `update devices set status = 'denied' where ${pending}`)
    return (userCode: TokenHash, at: number): boolean => deny(userCode, at) === 1
  },
} as const satisfies Writes

export function createDevices(
  database: DatabaseSync,
  write: Calls<typeof deviceWrites>,
): DeviceAuthorizations {
  const find = one(
    database,
    `select ${codec.of('devices')}, ${authorizationCodec.of('authorizations')}
    from devices left join authorizations on authorizations.id = devices.authorization_id where devices.hash = ?`,
  )
  const findByUserCode = one(database, `select ${codec.names} from devices where user_code_hash = ?`)
  return {
    issue: device => write.issueDevice(codec.encode(device)),
    find: reading(database, hash => {
      const row = find(hash) ?? []
      const device = codec.decode(row)
      const authorization = authorizationCodec.decode(row, codec.names.length)
      return device && (authorization ? { device, authorization } : { device })
    }),
    findByUserCode: reading(database, hash => codec.decode(findByUserCode(hash) ?? [])),
    polled: (hash, at, slowDown) =>
      slowDown ? write.pollDevice(hash, null, 5) : write.pollDevice(hash, at, 0),
    approve: (userCode, authorization, at, sid) =>
      write.approveDevice(userCode, authorization.id, authorizationCodec.encode(authorization), at, sid),
    deny: (userCode, at) => write.denyDevice(userCode, at),
  }
}
