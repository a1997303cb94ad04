/** Values that a module can throw, and whose text, name or prototype can't be read. */
export const unreadableThrown: readonly unknown[] = [
  undefined,
  null,
  Symbol('x'),
  Object.create(null),
  // As JSON.parse returns it: `throw await response.json()`.
  { toString: 1, valueOf: 1 },
  Object.assign(new Error('x'), { name: { toString: 1 }, stack: { toString: 1 }, message: Symbol('x') }),
  Object.defineProperties(
    new Error('x'),
    Object.fromEntries(
      ['name', 'message', 'stack', 'cause', 'code', 'toString', 'then'].map(name => [name, { get: rethrow }]),
    ),
  ),
  new Proxy({}, { get: rethrow, getPrototypeOf: rethrow, has: rethrow, ownKeys: rethrow }),
]

function rethrow(): never {
  throw Object.create(null)
}
