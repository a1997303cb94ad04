/**
 * The SQL of PostgreSQL's commit, as text that can be read, run with EXPLAIN, and reviewed. After a change of the
 * statement, `TESSERA_UPDATE_SQL=1 npm exec -- node --test test/contracts/commit-sql.test.ts` writes the files again.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Use } from '../../packages/server/src/model/ports/stores.ts'
import { type Shape, writeStatement } from '../../packages/server/src/storage/postgres/commit-statement.ts'

type Issue = Shape['issue']
const everything: Issue = ['authorization', 'family', 'referenceToken']

/** The commits of each grant, by the kind of its credential. */
const shapes: Readonly<Record<Use['kind'] | 'none', Readonly<Record<string, Partial<Shape>>>>> = {
  none: {
    'client-credentials': {},
    'client-credentials-event': { messages: true },
    'client-credentials-proof': { proof: true },
    'client-credentials-reference': { issue: ['referenceToken'] },
    'direct-grant': { issue: ['authorization', 'family'] },
    password: { issue: ['authorization', 'family'], epoch: true },
    'password-external': { issue: ['authorization', 'family'], external: true },
    'password-reference': { issue: everything, epoch: true },
  },
  authorization_code: {
    'authorization-code': { issue: ['family'] },
    'authorization-code-event': { issue: ['family'], messages: true },
    'authorization-code-reference': { issue: ['family', 'referenceToken'] },
  },
  device_code: { 'device-code': { issue: ['family'] } },
  assertion: { assertion: {}, 'assertion-user': { issue: ['authorization'], epoch: true } },
  refresh_rotation: {
    'refresh-rotation': {},
    'refresh-rotation-proof': { proof: true },
    'refresh-rotation-reference': { issue: ['referenceToken'] },
  },
  refresh_retry: { 'refresh-retry': {} },
  refresh_reuse: { 'refresh-reuse': {} },
}

const folder = new URL('./sql/', import.meta.url)
const rendered = new Map(
  Object.entries(shapes).flatMap(([kind, named]) =>
    Object.entries(named).map(([name, shape]) => {
      const use = kind === 'none' ? undefined : (kind as Use['kind'])
      const { text } = writeStatement({
        issue: [],
        epoch: false,
        external: false,
        proof: false,
        messages: false,
        ...shape,
        use,
      })
      return [`${name}.sql`, `${text};\n`] as const
    }),
  ),
)

if (process.env.TESSERA_UPDATE_SQL === '1')
  for (const [name, text] of rendered) writeFileSync(new URL(name, folder), text)

for (const [name, text] of rendered)
  test(`postgres: a commit is the statement in test/contracts/sql/${name}`, () => {
    assert.equal(text, readFileSync(new URL(name, folder), 'utf8'))
  })

test('postgres: each file of test/contracts/sql is the statement of a shape', () => {
  assert.deepEqual(readdirSync(folder).toSorted(), [...rendered.keys()].toSorted())
})
