/**
 * Shapes of values: what a configuration may hold, as objects that read a value, name what is wrong with it, and say
 * their JSON Schema. They are written as zod's are; why they are not zod's: docs/decisions/0012-configuration-schema-library.md.
 */

import type { JsonObject } from '@tessera/protocol/result'

export type Path = readonly PropertyKey[]

/** One thing that is wrong. Beside a `soft` one (of a value of the right type) the rules of what holds it still run. */
export type Issue = { readonly path: Path; readonly soft?: boolean } & (
  | { readonly code: 'wrong_type'; readonly expected: string }
  | { readonly code: 'not_in_list'; readonly values: readonly string[] }
  | {
      readonly code: 'out_of_bounds'
      readonly side: 'least' | 'most'
      readonly bound: number
      /** What is counted: characters, entries, or the number itself. */
      readonly of: 'string' | 'array' | 'number'
    }
  | { readonly code: 'wrong_characters'; readonly allowed: string }
  | { readonly code: 'unknown_keys'; readonly keys: readonly string[] }
  | { readonly code: 'none_fits' }
  | ({ readonly code: 'rule' } & RuleFault)
)

/** What a rule has against a value. */
export type RuleFault = { readonly problem: string; readonly expected: string; readonly fix: string }

/** What is read so far, and where; `path` grows and shrinks as the reading goes down and up. */
export type Reading = { readonly issues: Issue[]; readonly path: PropertyKey[] }

/** A check of a value that has the right type. */
export type Check<Value> = (value: Value, reading: Reading) => void

export type Outcome<Value> =
  | { readonly success: true; readonly data: Value }
  | { readonly success: false; readonly issues: readonly Issue[] }

/** What every shape is and can; interfaces, since a method answers a shape of the same kind. */
export interface AnyShape {
  readonly kind: string
  readonly description: string | undefined
  /** What a reader gets and what a writer writes: types only, no values. */
  readonly types?: { readonly output: unknown; readonly input: unknown }
  /** Adds what is wrong to `reading`; what it answers is of use only where nothing was. */
  readonly read: (value: unknown, reading: Reading) => unknown
  readonly jsonSchema: () => JsonObject
}

export interface Shape<Output, Input = Output> extends AnyShape {
  readonly types?: { readonly output: Output; readonly input: Input }
  describe(description: string): this
  /** Adds a check; it runs once the value has the right type. */
  check(check: Check<Output>): this
  optional(): Optional<this>
  /** Omitted, it is this value. */
  default(value: Output): Default<this>
  /** Omitted, it is read as if this was written. */
  prefault(value: Input): Default<this>
  safeParse(value: unknown): Outcome<Output>
  /** Throws for a value that does not fit: for values of our own. */
  parse(value: unknown): Output
}

export interface Optional<Inner extends AnyShape>
  extends Shape<output<Inner> | undefined, input<Inner> | undefined> {
  readonly kind: 'optional'
  unwrap(): Inner
}

export interface Default<Inner extends AnyShape> extends Shape<output<Inner>, input<Inner> | undefined> {
  readonly kind: 'default'
  unwrap(): Inner
}

export type output<Of extends AnyShape> = NonNullable<Of['types']>['output']
export type input<Of extends AnyShape> = NonNullable<Of['types']>['input']

/** Whether something was found since then that no rule can run beside. */
export const isHindered = ({ issues }: Reading, before: number): boolean => {
  for (let index = before; index < issues.length; index++) if (!issues[index]?.soft) return true
  return false
}
