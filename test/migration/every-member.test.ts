/** For every importer and fixture: no member is lost silently, no value crashes, and the result is valid. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDiagnostic } from '../../packages/server/src/configuration/diagnostic.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { importerNames } from '../../packages/server/src/migration/importers.ts'
import { type Migration, migrate } from '../../packages/server/src/migration/migrate.ts'
import { isWithin } from '../../packages/server/src/migration/report.ts'
import { userProblems } from '../../packages/server/src/migration/user.ts'
import { at, fixtures, importerNamed, readFixture } from './fixtures.ts'

type Path = readonly (string | number)[]

/** Returns the paths of all values that `isWanted`. */
function pathsOf(value: unknown, isWanted: (value: unknown) => boolean, path: Path = []): readonly Path[] {
  const own = isWanted(value) ? [path] : []
  if (typeof value !== 'object' || value === null) return own
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value)
  return [...own, ...[...entries].flatMap(([key, one]) => pathsOf(one, isWanted, [...path, key]))]
}

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && Object.keys(value ?? {}).length === 0

/** Returns a copy with another value at a path. Functions and modules stay the same. */
function withValue(value: unknown, [step, ...rest]: Path, put: unknown): unknown {
  if (step === undefined) return put
  const copy: any = Array.isArray(value) ? [...value] : { ...(value as object) }
  const next = withValue(copy[step], rest, put)
  Object.defineProperty(copy, step, { value: next, enumerable: true, configurable: true, writable: true })
  return copy
}

function assertValid({ configuration, users, variables }: Migration): void {
  const environment = Object.fromEntries(variables.map(name => [name, 'a-secret-that-is-set-later']))
  const parsed = parseConfiguration(configuration, { environment })
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.errors.map(formatDiagnostic).join('\n'))
  assert.deepEqual(userProblems(users), [])
}

const names = fc.constantFrom('x_added', '__proto__', 'constructor', 'toString', 'ünï\u202E\u001Bcode', '')
const values = fc.oneof(
  fc.constantFrom<unknown>(null, [], {}, '', 0, -1, 1.5, true, 'text', [null], [{}], { toString: 1 }),
  fc.jsonValue({ maxDepth: 2 }),
)

test('migration: each importer has a fixture', () => {
  assert.deepEqual(Object.keys(fixtures).toSorted(), importerNames.toSorted())
})

for (const [name, sets] of Object.entries(fixtures))
  for (const files of sets) {
    const importer = importerNamed(name)
    const sources = Promise.all(files.map(async file => ({ name: file, value: await readFixture(file) })))

    test(`migration: ${name}: a member that is added to ${files.join(', ')} appears in the report`, async () => {
      const given = await sources
      const places = given.flatMap(({ value }, file) =>
        pathsOf(value, isObject).map(path => ({ file, path })),
      )
      fc.assert(
        fc.property(fc.constantFrom(...places), names, values, ({ file, path }, member, value) => {
          const source = given[file]!
          const changed = withValue(source.value, [...path, member], value)
          const migration = migrate(importer, given.with(file, { ...source, value: changed }), at)
          const lines = migration.lines.filter(line => line.file === source.name && !line.isAdded)
          const added = [...path, member]
          // A line about an element of the value names the member too.
          assert.ok(
            lines.some(line => isWithin(added, line.source) || isWithin(line.source, added)),
            `${JSON.stringify(added)} is not in the report`,
          )
          assertValid(migration)
        }),
        { numRuns: 30 },
      )
    })

    test(`migration: ${name}: values of any type in ${files.join(', ')} are reported and don't crash`, async () => {
      const given = await sources
      const places = given.flatMap(({ value }, file) =>
        pathsOf(value, () => true).map(path => ({ file, path })),
      )
      fc.assert(
        fc.property(fc.constantFrom(...places), values, ({ file, path }, value) => {
          const source = given[file]!
          const changed = withValue(source.value, path, value)
          const migration = migrate(importer, given.with(file, { ...source, value: changed }), at)
          assertValid(migration)
          const known = migration.lines.some(
            line => isWithin(path, line.source) || isWithin(line.source, path),
          )
          // Null is the same as a missing member.
          assert.ok(known || value === null || isEmpty(value), `${JSON.stringify(path)} is not in the report`)
        }),
        { numRuns: 30 },
      )
    })
  }

test('migration: an object without a text, where texts or rows are expected, is reported and does not crash', async () => {
  const cases = [
    ['auth0', 'auth0-tenant.yaml', ['clients', 3, 'name'], { toString: 1 }],
    ['auth0', 'auth0-import.json', [0, 'custom_password_hash', 'blockSize'], { toString: 1 }],
    ['keycloak', 'keycloak-folder-realm.json', ['roles', 'realm', 1, 'name'], { toString: 1 }],
    ['identityserver', 'identityserver4-quickstart.json', ['IdentityServer', 'TestUsers', 1, 'Claims'], [{}]],
  ] as const
  for (const [importer, name, path, value] of cases) {
    const changed = withValue(await readFixture(name), path, value)
    const { lines } = migrate(importerNamed(importer), [{ name, value: changed }], at)
    assert.ok(
      lines.some(line => isWithin(path, line.source) || isWithin(line.source, path)),
      `${name}: ${path.join('.')}`,
    )
  }
})
