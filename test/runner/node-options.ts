/** The options of Node for processes that run tests. */

/**
 * Tests create many short-lived objects. A larger young generation is collected less often, and threads that help to
 * collect it would compete with the other processes. Most of the old generation is modules, which remain loaded, so
 * marking them while it grows to its usual size would free little.
 */
const collection = [
  '--single-threaded-gc',
  '--min-semi-space-size=16',
  '--max-semi-space-size=64',
  '--initial-old-space-size=512',
]

export const nodeOptions: readonly string[] = [
  ...['test-context', 'time-limit'].flatMap(name => [
    '--import',
    new URL(`${name}.ts`, import.meta.url).href,
  ]),
  ...collection,
]
