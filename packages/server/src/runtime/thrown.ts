/** Describes thrown values. A module of the operator may throw any value, and reading one may throw again. */

export type Thrown = {
  /** The name and message of an error, or the value as text; never longer than 2,000 characters. */
  readonly text: string
  /** The name of an error; empty for other values. */
  readonly name: string
  /** The message alone. */
  readonly message: string
  readonly stack?: string
}

const longest = 2000
const longestStack = 10_000

/** Returns a description of the value. Does not throw. */
export function describeThrown(value: unknown): Thrown {
  const text = readOr(() => String(value), withoutText).slice(0, longest)
  const stack = readOr(() => (value instanceof Error ? value.stack : undefined), undefined)
  const [name, message] = readOr(() => (value instanceof Error ? [value.name, value.message] : []), [])
  return {
    text,
    name: typeof name === 'string' ? name : '',
    message: typeof message === 'string' ? message.slice(0, longest) : text,
    ...(typeof stack === 'string' && { stack: stack.slice(0, longestStack) }),
  }
}

const withoutText = 'a value that can not be converted to text'

/** Returns whether the value is an instance of the class. Does not throw, which `instanceof` does for some proxies. */
export const isThrown = <Of>(value: unknown, of: abstract new (...given: never) => Of): value is Of =>
  readOr(() => value instanceof of, false)

function readOr<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read()
  } catch {
    return otherwise
  }
}
