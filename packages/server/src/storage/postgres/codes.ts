/** Authorization codes in PostgreSQL (RFC 6749 §4.1.2). */

import type { AuthorizationCodes } from '../../model/ports/stores.ts'
import { byKey } from './batching.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { authorizationRow, insertAuthorization, insertReferenceToken } from './inserts.ts'
import { change } from './statements.ts'

const codec = codecs.codes

const { names, count, placeholders } = codec
const afterCode = 1 + count + 1
const afterAuthorization = afterCode + codecs.authorizations.count + 1

/**
 * Returns the statement that stores a code, optionally with a reference token, and optionally only if a one-time id is
 * new.
 */
function issueStatement(hasToken: boolean, isMarked: boolean): string {
  const where = isMarked ? 'exists (select from used)' : 'true'
  const marker = afterAuthorization + (hasToken ? codecs.referenceTokens.count : 0)
  const parts = [
    // Of two concurrent uses, the second waits here until the first commits or rolls back.
    ...(isMarked
      ? [
          `used as (insert into replays (hash, expires_at) values ($${marker}, $${marker + 1})
            on conflict do nothing returning 1)`,
        ]
      : []),
    `authorized as (${insertAuthorization(afterCode, where)})`,
    ...(hasToken ? [`issued as (${insertReferenceToken(afterAuthorization, where)})`] : []),
  ]
  return `with ${parts.join(', ')}
    insert into codes (${names}, clean_at) select ${placeholders()}, $${count + 1}::bigint where ${where}`
}

export function createCodes({ run }: Database): AuthorizationCodes {
  const statement = (hasToken: boolean, isMarked: boolean) => change(run, issueStatement(hasToken, isMarked))
  const [issue, issueWithToken] = [statement(false, false), statement(true, false)]
  const [issueOnce, issueOnceWithToken] = [statement(false, true), statement(true, true)]
  const find = byKey(
    run,
    `select ${codec.of('codes')}, ${codecs.authorizations.of('authorizations')}
    from codes join authorizations on authorizations.id = codes.authorization_id
    where codes.hash = any ($1::text[])`,
  )
  const burn = change(run, 'update codes set used_at = $2 where hash = $1 and used_at is null')
  // An authorization that expires later has tokens that were issued together with the code.
  const discard = change(
    run,
    `with discarded as (
      delete from codes where hash = $1 and used_at is null returning authorization_id, expires_at)
    delete from authorizations using discarded
    where authorizations.id = discarded.authorization_id and authorizations.expires_at <= discarded.expires_at`,
  )
  return {
    async issue(authorization, code, { referenceToken, use } = {}) {
      const values = [
        ...codec.encode(code),
        code.expires_at,
        ...authorizationRow(authorization),
        ...(referenceToken ? codecs.referenceTokens.encode(referenceToken) : []),
        ...(use ? [use.hash, use.expires_at] : []),
      ]
      const [plain, once] = referenceToken ? [issueWithToken, issueOnceWithToken] : [issue, issueOnce]
      return (await (use ? once : plain)(...values)) === 1
    },
    async find(hash) {
      const row = (await find(hash)) ?? []
      const code = codec.decode(row)
      const authorization = codecs.authorizations.decode(row, count)
      return code && authorization && { code, authorization }
    },
    burn: async (hash, at) => (await burn(hash, at)) === 1,
    discard: async hash => void (await discard(hash)),
  }
}
