import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRequestIds } from '../../packages/server/src/http/request-id.ts'
import { newId, newTimedId } from '../../packages/server/src/model/handle.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'

const random = createRandom()

/** Of 64 texts in base64url, one begins with a hyphen. */
const many = 2000

const idsOf: Readonly<Record<string, () => string>> = {
  'a random id': () => newId(random),
  'an id with the time': () => newTimedId(random),
  'the id of a request, for each start of the server': () => createRequestIds()(),
}

for (const [name, create] of Object.entries(idsOf))
  test(`ids: ${name} never begins with a hyphen, so that it can be an argument of a command`, () => {
    const ids = Array.from({ length: many }, create)
    assert.deepEqual(
      ids.filter(id => id.startsWith('-')),
      [],
    )
    assert.equal(new Set(ids).size, many)
  })

test('ids: a random id is 22 characters of base64url', () => {
  assert.match(newId(random), /^\w[\w-]{21}$/)
})
