/**
 * The rows that sign-ins leave in a store, as SQL: for the i-th one an authorization, its used code, its refresh
 * family and a reference token.
 */

/** Letters in the order of their codes: the creation time in an id, and in the stored part of a handle. */
const idLetters = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'
const handleLetters = '0123456789abcdefghijklmnopqrstuvwxyz'

export type Dialect = {
  /** The text of `i`, padded to this many letters. */
  readonly padded: (length: number) => string
}

const day = 86_400
const scope = `'["api1","offline_access","openid"]'`

/** Rows that one sign-in leaves. */
export const rowsOfSignIn = 4

/** Inserts of all of them, from a table `m` with `i`, `made` (milliseconds) and `until`. */
export function insertsOfSignIns({
  padded,
}: Dialect): readonly { readonly into: string; readonly values: string }[] {
  const time = (letters: string, length: number, more = 0): string =>
    Array.from({ length }, (_, index) => {
      const place = letters.length ** (length - 1 - index)
      return `substr('${letters}', cast((made + ${more}) / ${place} % ${letters.length} + 1 as integer), 1)`
    }).join(' || ')
  // As `model/handle.ts` creates them; the random part is a number here.
  const id = `(${time(idLetters, 8, 2 ** 42)} || ${padded(14)})`
  const hash = `(${time(handleLetters, 9)} || ${padded(43)})`
  return [
    {
      into: 'authorizations (id, client_id, sub, sid, scope, resources, idp, amr, auth_time, created_at, expires_at, clean_at)',
      values: `${id}, 'web', 'user-' || (i % 100000), ${id}, ${scope}, '[]', 'local', '["pwd"]',
        until - ${day}, until - ${day}, until, until`,
    },
    {
      into: 'codes (hash, authorization_id, redirect_uri, code_challenge, code_challenge_method, expires_at, used_at, clean_at)',
      values: `${hash}, ${id}, 'https://app.example/cb', ${padded(43)}, 'S256', until - ${day} + 300, until - ${day}, until`,
    },
    {
      into: 'families (id, authorization_id, client_id, generation, scope, created_at, expires_at, idle_expires_at, rotated_at, clean_at)',
      values: `${id}, ${id}, 'web', 1 + i % 50, ${scope}, until - ${day}, until, until, until - ${day}, until`,
    },
    {
      into: 'reference_tokens (hash, client_id, claims, expires_at)',
      values: `${hash}, 'web', '{"iss":"http://127.0.0.1","sub":"1","aud":"urn:api","scope":"api1"}', until`,
    },
  ]
}

/**
 * When sign-ins were made, evenly over the day before the last, and when they expire: one in ten in a day, the others
 * a day ago.
 */
export const columnsOf = (signIns: number): string => {
  const now = Math.floor(Date.now() / 1000)
  return `i, ${(now - 2 * day) * 1000} + i * ${day * 1000} / ${signIns} as made, ${now} + case i % 10 when 0 then ${day} else -${day} end as until`
}
