/** Values of others in messages. */

/** Quotes a value of a token or a server for a message, shortened. */
export function quote(value: unknown): string {
  try {
    return JSON.stringify(value)?.slice(0, 100) ?? 'none'
  } catch {
    // A value can be nested more deeply than it can be written.
    return 'something else'
  }
}
