/**
 * Schemas of a configuration's values: each reads a value, lists every problem in it, and prints its JSON Schema. The
 * API resembles that of zod; docs/decisions/0043-configuration-schemas.md explains why no library is used.
 */

import type { Json, JsonObject } from '@tessera/protocol/result'

export type Path = readonly PropertyKey[]

/** The error that a check returns. */
export type CheckError = {
  readonly problem: string
  readonly expected: string
  readonly fix: string
  /** Where below the value: `['keys', 0]`. */
  readonly path?: Path
}

/**
 * One problem in a value. A recoverable one leaves a value of the right type, so the checks of the value that contains
 * it still run.
 */
export type Issue = {
  readonly path: Path
  readonly recoverable?: boolean
} /** `expected`: a kind of schema, or several with `|` between them. */ & (
  | { readonly code: 'wrong_type'; readonly expected: string }
  | { readonly code: 'not_in_list'; readonly values: readonly string[] }
  | {
      readonly code: 'out_of_bounds'
      readonly side: 'least' | 'most'
      readonly bound: number
      /** The bounded quantity: characters, entries, or the number itself. */
      readonly of: 'string' | 'array' | 'number'
    }
  | { readonly code: 'wrong_characters'; readonly allowed: string }
  | { readonly code: 'unknown_keys'; readonly keys: readonly string[] }
  | { readonly code: 'none_fits' }
  | ({ readonly code: 'check' } & Omit<CheckError, 'path'>)
)

/** Where the value of a secret is: in a variable, or in a file. */
export type SecretSource = { readonly env: string } | { readonly file: string }

/**
 * A secret of an entry that was made while the server runs: as it is stored, or as it is shown, in which form a changed
 * entry keeps it.
 */
export type StoredSecret = { readonly sealed: string } | { readonly hidden: string }

/** Returns the text of a secret, or what is wrong with it. */
export type SecretReader = (
  written: string | SecretSource | StoredSecret,
  path: Path,
) => { readonly ok: true; readonly text: string } | { readonly ok: false; readonly error: CheckError }

/** The issues found so far, and the place being read; `path` is updated when the reading enters or leaves a value. */
export type Reading = {
  readonly issues: Issue[]
  readonly path: PropertyKey[]
  /** Omitted: secrets can't refer to variables and files, as in metadata that a client sends. */
  readonly secrets?: SecretReader | undefined
  /** Called with the place and the text of each secret. */
  readonly note?: NoteSecret | undefined
}

export type NoteSecret = (path: Path, text: string) => void

type Outcome<Value> =
  | { readonly success: true; readonly value: Value }
  /** `partial` is what could be read: invalid values are undefined or kept as written, all others are as they would be. */
  | { readonly success: false; readonly partial: unknown; readonly issues: readonly Issue[] }

/** Members of every schema, whatever its type. */
export interface AnySchema {
  readonly kind: string
  readonly description: string | undefined
  /** Types only, no values: what reading returns, and what may be written. */
  readonly types?: { readonly output: unknown; readonly input: unknown }
  /** Adds issues to `reading`; the returned value is partial if there are any. */
  readonly read: (value: unknown, reading: Reading) => unknown
  readonly jsonSchema: () => JsonObject
  readonly safeParse: (value: unknown, secrets?: SecretReader, note?: NoteSecret) => Outcome<unknown>
}

/** Interfaces, because a method returns a schema of the same kind. */
export interface Schema<Output, Input = Output> extends AnySchema {
  readonly types?: { readonly output: Output; readonly input: Input }
  readonly safeParse: (value: unknown, secrets?: SecretReader, note?: NoteSecret) => Outcome<Output>
  describe(description: string): this
  /** Adds a check, which runs once the value has the right type and returns what is wrong with it. */
  check(check: (value: Output) => CheckError | undefined): this
  /** Adds a check that every value fails with the same error. */
  refine(fits: (value: Output) => boolean, error: CheckError): this
  optional(): Optional<this>
  /** Reads an omitted value as if this had been written. */
  default(value: Input): Default<this>
  /** Throws for a value that does not fit: for values from our own code. */
  parse(value: unknown): Output
}

export interface Optional<Inner extends AnySchema>
  extends Schema<output<Inner> | undefined, input<Inner> | undefined> {
  readonly kind: 'optional'
  unwrap(): Inner
}

export interface Default<Inner extends AnySchema> extends Schema<output<Inner>, input<Inner> | undefined> {
  readonly kind: 'default'
  unwrap(): Inner
}

export type output<Of extends AnySchema> = NonNullable<Of['types']>['output']
export type input<Of extends AnySchema> = NonNullable<Of['types']>['input']

/** A check that a kind of schema defines. It adds its own issues. */
type Test = (value: never, reading: Reading) => void

/** The parts that distinguish one kind of schema from the others. */
export type Kind = {
  readonly kind: string
  readonly read: AnySchema['read']
  readonly jsonSchema: AnySchema['jsonSchema']
  /** Methods besides those of every schema; `withTest` returns the schema with one more test. */
  readonly methods?: (withTest: (test: Test, jsonSchema?: JsonObject) => AnySchema) => object
}

export function build<Result extends AnySchema>(
  kind: Kind,
  tests: readonly Test[] = [],
  added: JsonObject = {},
  description?: string,
): Result {
  const withTest = (test: Test, jsonSchema: JsonObject = {}): Schema<unknown> =>
    build(kind, [...tests, test], { ...added, ...jsonSchema }, description)
  const schema: Schema<unknown> = {
    kind: kind.kind,
    description,
    read: tests.length === 0 ? kind.read : withTests(kind.read, tests),
    jsonSchema: () => {
      const whole: JsonObject = { ...kind.jsonSchema(), ...added }
      return description === undefined ? whole : { ...whole, description }
    },
    describe: text => build(kind, tests, added, text),
    check: check =>
      withTest((value, reading) => {
        const error = check(value)
        if (error) addIssue(reading, { ...error, code: 'check' }, error.path)
      }) as never,
    refine: (fits, error) => schema.check(value => (fits(value) ? undefined : error)) as never,
    optional: () => wrap('optional', schema, undefined) as never,
    default: value => wrap('default', schema, value as Json) as never,
    safeParse(value, secrets, note) {
      const reading: Reading = { issues: [], path: [], secrets, note }
      const result = schema.read(value, reading)
      const { issues } = reading
      return issues.length === 0
        ? { success: true, value: result }
        : { success: false, partial: result, issues }
    },
    parse(value) {
      const outcome = schema.safeParse(value)
      if (outcome.success) return outcome.value
      throw new Error(`a value from our own code does not fit: ${JSON.stringify(outcome.issues)}`)
    },
  }
  return Object.assign(schema, kind.methods?.(withTest)) as unknown as Result
}

/** Runs tests on what was read, up to the first issue that leaves no value of the right type. */
const withTests =
  (read: AnySchema['read'], tests: readonly Test[]): AnySchema['read'] =>
  (value, reading) => {
    const { issues } = reading
    const before = issues.length
    const result = read(value, reading)
    for (const test of tests) {
      if (issues.length > before && issues.slice(before).some(({ recoverable }) => !recoverable)) break
      test(result as never, reading)
    }
    return result
  }

const wrap = (kind: 'optional' | 'default', inner: AnySchema, value: Json | undefined): AnySchema =>
  build({
    kind,
    read: (given, reading) =>
      given === undefined && value === undefined
        ? undefined
        : inner.read(given === undefined ? value : given, reading),
    jsonSchema: () => (value === undefined ? inner.jsonSchema() : { ...inner.jsonSchema(), default: value }),
    methods: () => ({ unwrap: () => inner }),
  })

type Without<Of, Key extends PropertyKey> = Of extends unknown ? Omit<Of, Key> : never

/** Adds an issue at the place being read, or below it. */
export function addIssue(
  { issues, path }: Reading,
  issue: Without<Issue, 'path'>,
  below: Path = [],
): undefined {
  issues.push({ ...issue, path: [...path, ...below] } as Issue)
}

/** Reads the value of this key or index. */
export function readAt(key: PropertyKey, schema: AnySchema, value: unknown, reading: Reading): unknown {
  reading.path.push(key)
  const result = schema.read(value, reading)
  reading.path.pop()
  return result
}

export const wrongType = (expected: string, reading: Reading): undefined =>
  addIssue(reading, { code: 'wrong_type', expected })
