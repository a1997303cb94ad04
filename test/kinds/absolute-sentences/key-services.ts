/** Names the tests that verify the absolute sentences about key services. */

import { held, none, type Rows } from './rows.ts'

const tests = 'keys/key-services.test.ts'

export const keyServices: Readonly<Record<string, Rows>> = {
  'docs/guides/key-services.md': {
    'It is stored with what the key wrapped,': none('advice'),
    '**Without the key of the service it is useless,': held(
      tests,
      'has another id than the store, which is named',
      tests,
      'returns another key',
    ),
    'It never starts with another key instead.': held(
      tests,
      'key service: a running server calls it for no request, and stays ready while it is down',
    ),
    '**Exception:** if another process stores a new root key': held(
      tests,
      'key service: while it is down, a node continues, and is not ready only once others use a root key that it lacks',
    ),
    'at most N `wrap` and 2N `unwrap`;': held(
      tests,
      'key service: workers that start a new store at the same time agree on one root key',
    ),
    "Values that can't be made again, and tokens until they expire,": none('names a limit of the promise'),
  },
}
