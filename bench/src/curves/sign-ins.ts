/** What sign-ins leave in a store, as SQL: for the i-th one an authorization, its used code, its refresh family and a reference token. */

/** Letters of base64url in the order of their codes: keys that rise with `i` are appended, yet lie as evenly as random ones. */
const letters = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'

export type Dialect = {
  /** Text of `i`, padded to so many letters. */
  readonly padded: (length: number) => string
}

const day = 86_400
const scope = `'["api1","offline_access","openid"]'`

/** Rows that one sign-in leaves. */
export const rowsOfSignIn = 4

/** Inserts of them all, out of a table `m` with `i`, `k` (the first 24 bits of its keys) and `until`. */
export function insertsOfSignIns({
  padded,
}: Dialect): readonly { readonly into: string; readonly values: string }[] {
  const key = (length: number): string =>
    `(${[18, 12, 6, 0].map(bits => `substr('${letters}', cast(((k >> ${bits}) & 63) + 1 as integer), 1)`).join(' || ')} || ${padded(length - 4)})`
  return [
    {
      into: 'authorizations (id, client_id, sub, sid, scope, resources, idp, amr, auth_time, created_at, expires_at, clean_at)',
      values: `${key(22)}, 'web', 'user-' || (i % 100000), ${key(22)}, ${scope}, '[]', 'local', '["pwd"]',
        until - ${day}, until - ${day}, until, until`,
    },
    {
      into: 'codes (hash, authorization_id, redirect_uri, code_challenge, code_challenge_method, expires_at, used_at, clean_at)',
      values: `${key(43)}, ${key(22)}, 'https://app.example/cb', ${key(43)}, 'S256', until - ${day} + 300, until - ${day}, until`,
    },
    {
      into: 'families (id, authorization_id, client_id, generation, scope, created_at, expires_at, idle_expires_at, rotated_at, clean_at)',
      values: `${key(22)}, ${key(22)}, 'web', 1 + i % 50, ${scope}, until - ${day}, until, until, until - ${day}, until`,
    },
    {
      into: 'reference_tokens (hash, client_id, claims, expires_at)',
      values: `${key(43)}, 'web', '{"iss":"http://127.0.0.1","sub":"1","aud":"urn:api","scope":"api1"}', until`,
    },
  ]
}

/** Where a sign-in's life ends, one in ten in a day from now, the others a day ago; and the first bits of its keys. */
export const columnsOf = (signIns: number): string => {
  const now = Math.floor(Date.now() / 1000)
  return `i, i * 16777216 / ${signIns} as k, ${now} + case i % 10 when 0 then ${day} else -${day} end as until`
}
