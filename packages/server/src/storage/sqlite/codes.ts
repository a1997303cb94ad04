/** Authorization codes in SQLite (RFC 6749 §4.1.2). */

import type { DatabaseSync } from 'node:sqlite'
import type { AuthorizationCodes, UsedAssertion } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { authorizationCodec, insertAuthorization } from './authorizations.ts'
import { codecs, type Row } from './codecs.ts'
import { insertReferenceToken, referenceTokenCodec } from './reference-tokens.ts'
import { change, one, reading } from './statements.ts'
import { insertUsedAssertion } from './used-assertions.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.codes

const end = codec.names.indexOf('expires_at') + 1

export const codeWrites = {
  issueCode(database) {
    const authorize = insertAuthorization(database)
    const insert = change(
      database,
      `insert into codes (${codec.names}, clean_at) values (${codec.placeholders}, ?${end})`,
    )
    const issueReferenceToken = insertReferenceToken(database)
    const mark = insertUsedAssertion(database)
    return (
      authorization: Row,
      code: Row,
      referenceToken: Row | null,
      use: UsedAssertion | null,
    ): boolean => {
      if (use && !mark(use.hash, use.expires_at)) return false
      authorize(authorization)
      insert(...code)
      if (referenceToken) issueReferenceToken(referenceToken)
      return true
    }
  },
  burnCode(database) {
    const burn = change(database, 'update codes set used_at = ? where hash = ? and used_at is null')
    return (hash: TokenHash, at: number): boolean => burn(at, hash) === 1
  },
  discardCode(database) {
    const remove = one(
      database,
      'delete from codes where hash = ? and used_at is null returning authorization_id, expires_at',
    )
    // An authorization that expires later has tokens that were issued beside the code.
    const end = change(database, 'delete from authorizations where id = ? and expires_at <= ?')
    return (hash: TokenHash): void => {
      const [authorization, expiresAt] = remove(hash) ?? []
      if (authorization !== undefined && expiresAt !== undefined) end(authorization, expiresAt)
    }
  },
} as const satisfies Writes

export function createCodes(database: DatabaseSync, write: Calls<typeof codeWrites>): AuthorizationCodes {
  const find = one(
    database,
    `select ${codec.of('codes')}, ${authorizationCodec.of('authorizations')}
    from codes join authorizations on authorizations.id = codes.authorization_id where codes.hash = ?`,
  )
  return {
    issue: (authorization, code, { referenceToken, use } = {}) =>
      write.issueCode(
        authorizationCodec.encode(authorization),
        codec.encode(code),
        referenceToken ? referenceTokenCodec.encode(referenceToken) : null,
        use ?? null,
      ),
    find: reading(database, hash => {
      const row = find(hash) ?? []
      const code = codec.decode(row)
      const authorization = authorizationCodec.decode(row, codec.names.length)
      return code && authorization && { code, authorization }
    }),
    burn: (hash, at) => write.burnCode(hash, at),
    discard: write.discardCode,
  }
}
