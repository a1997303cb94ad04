/** Declares what every store must know of a stored noun: its columns, key, expiry, and how it is exported. */

/** `json`: a list or an object as JSON text, which keeps what `jsonb` would not: U+0000 and how numbers were written. */
export type ColumnKind = 'text' | 'integer' | 'bytes' | 'json'

export type Table<
  Row extends object,
  Key extends readonly (keyof Row & string)[] = readonly (keyof Row & string)[],
  Noun extends string = string,
> = {
  /** Its name in both databases. */
  readonly name: string
  /** One column for each field of the row, which is null where an optional field is missing. The first is never null. */
  readonly columns: { readonly [Field in keyof Required<Row>]: ColumnKind }
  readonly key: Key
  /** Columns that no two rows share; the memory store finds rows by them. */
  readonly unique?: readonly (keyof Row & string)[]
  /** Columns by which the memory store finds all rows with a value. */
  readonly indexed?: readonly (keyof Row & string)[]
  /** When clean-up deletes a row; tables without it keep theirs. */
  readonly expiry?: Expiry<Row>
  /** Rows are read in the order in which they were added, for which PostgreSQL has a column `place`. */
  readonly placed?: boolean
  /** Says what deletes the rows of the user in the column `sub`. Required of each table with that column. */
  readonly cascade?: Cascade
  readonly archive: Archive<Noun>
}

/**
 * `user`: rows are deleted with their user. `access`: they are deleted whenever the user's access ends, which includes
 * that. `none`: the writes that end access treat them in a way of their own, such as revoking them.
 */
export type Cascade = 'user' | 'access' | 'none'

type Expiry<Row> = {
  /** A row has expired once the earliest of these times has passed. */
  readonly at: readonly (keyof Row & string)[]
  /**
   * Where a column `clean_at` says when clean-up looks at a row next. It may lag behind the row's end, so that extending
   * a life, as each refresh does, changes no index; clean-up then moves it on.
   */
  readonly cleanAt?: 'everywhere' | 'postgres'
  /** A used row (`used_at`) is kept until its authorization (`authorization_id`) ends, so that a replay is recognised. */
  readonly keepsUsed?: boolean
}

/** How export and import treat the rows. */
export type Archive<Noun extends string> = {
  /** The name on the command line. Tables of one noun are exported and imported together. */
  readonly noun: Noun
  /**
   * Rows can be added to a store that servers use, since they depend on nothing else. Rows of other nouns are consumed,
   * ended or revoked in time, partly by deleting them, so that adding one later could revive it.
   */
  readonly addable?: boolean
  /** Nothing in it is sealed or made with the master key, so that any installation can read it. */
  readonly unsealed?: boolean
  /** Every store writes rows at its first start, so they do not show that it was used. */
  readonly initial?: boolean
  /** Rows are written together with those of other tables too, so an import fills it after those. */
  readonly derived?: boolean
}

/** Declares a table for rows of one type. */
export const tableFor =
  <Row extends object>() =>
  <const Key extends readonly (keyof Row & string)[], const Noun extends string>(
    table: Table<Row, Key, Noun> & ('sub' extends keyof Row ? { readonly cascade: Cascade } : object),
  ): Table<Row, Key, Noun> =>
    table
