/** The options of Node for processes that run tests. */

/**
 * Tests create many short-lived objects. A larger young generation is collected less often, and threads that help to
 * collect it would compete with the other processes.
 */
const collection = ['--single-threaded-gc', '--min-semi-space-size=16', '--max-semi-space-size=64']

export const nodeOptions: readonly string[] = [
  ...['test-context', 'time-limit'].flatMap(name => [
    '--import',
    new URL(`${name}.ts`, import.meta.url).href,
  ]),
  ...collection,
]
