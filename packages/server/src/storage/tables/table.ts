/** Declares the properties of a table that all stores need: its columns, key, expiry, and how it is exported. */

/**
 * The last three are JSON text, which preserves U+0000 and the spelling of numbers, unlike `jsonb`: a list of texts, an
 * object, and true or false.
 */
export type ColumnKind = 'text' | 'integer' | 'bytes' | 'list' | 'object' | 'flag'

export const isJson = (kind: ColumnKind | undefined): kind is 'list' | 'object' | 'flag' =>
  kind === 'list' || kind === 'object' || kind === 'flag'

export type Table<
  Row extends object,
  Key extends readonly (keyof Row & string)[] = readonly (keyof Row & string)[],
  Kind extends string = string,
> = {
  /** Its name in both databases. */
  readonly name: string
  /** One column for each field of the row, which is null where an optional field is missing. The first is never null. */
  readonly columns: { readonly [Field in keyof Required<Row>]: ColumnKind }
  readonly key: Key
  /** Unique columns. The memory store finds rows by them. */
  readonly unique?: readonly (keyof Row & string)[]
  /** Columns by which the memory store finds all rows with a value. */
  readonly indexed?: readonly (keyof Row & string)[]
  /** When clean-up deletes a row. Rows of tables without it are kept. */
  readonly expiry?: Expiry<Row>
  /** Rows are read in the order in which they were added, for which PostgreSQL has a column `place`. */
  readonly placed?: boolean
  /**
   * `access`: rows of the user in the column `sub` are deleted whenever the user's access ends. Which rows are deleted
   * with their user follows from `personal.ts`.
   */
  readonly cascade?: 'access'
  readonly archive: Archive<Kind>
  /** Columns with password hashes, which an import checks. */
  readonly passwordHashes?: readonly (keyof Row & string)[]
  /** Columns whose JSON SQLite parses when it stores a row. It reads 1,000 levels, and an import checks for fewer. */
  readonly parsed?: readonly (keyof Row & string)[]
}

type Expiry<Row> = {
  /** A row has expired once the earliest of these times has passed. */
  readonly at: readonly (keyof Row & string)[]
  /**
   * Which stores have a column `clean_at` with the time at which clean-up examines a row next. It may be earlier than
   * the row's expiry, so that extending the expiry, as each refresh does, changes no index. Clean-up then postpones it.
   */
  readonly cleanAt?: 'everywhere' | 'postgres'
  /** A used row (`used_at`) is kept until its authorization (`authorization_id`) ends, so that a replay is recognised. */
  readonly keepsUsed?: boolean
}

/** How export and import treat the rows. */
export type Archive<Kind extends string> = {
  /** The name on the command line. Tables of one kind are exported and imported together. */
  readonly kind: Kind
  /**
   * Whether rows can be added to a store in use, because they depend on nothing else. Rows of other kinds are consumed,
   * ended or revoked over time, partly by deleting them, so that adding one later could restore it.
   */
  readonly addable?: boolean
  /** Whether no value is encrypted or derived with the master key, so that any installation can read the rows. */
  readonly unsealed?: boolean
  /** Whether every store writes rows at its first start, so that they don't indicate that it was used. */
  readonly initial?: boolean
  /**
   * Whether rows are also written together with those of other tables, so that an import fills this table after those.
   */
  readonly derived?: boolean
}

/** Declares a table for rows of one type. */
export const tableFor =
  <Row extends object>() =>
  <const Key extends readonly (keyof Row & string)[], const Kind extends string>(
    table: Table<Row, Key, Kind>,
  ): Table<Row, Key, Kind> =>
    table
