/** `docs/conformance.md` names tests that exist, and says plainly that nothing is certified. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plans } from './support/conformance-modules.ts'
import { readText, textsOf } from './support/repository.ts'
import { titlesIn } from './support/test-titles.ts'

/** The titles that the page names, in the last column of its tables; `…` replaces what differs. */
const named = (page: string): readonly string[] =>
  [...page.matchAll(/^\| (?!module|---)[^|]+ \| ([^|]+) \|$/gm)].map(([, title = '']) => title.trim())

const page = readText('docs/conformance.md')

test('conformance map: every title that the page names is the title of a test', () => {
  const titles = titlesIn(textsOf('test/**/*.test.ts').values())
  const wanted = named(page)
  assert.ok(wanted.length > 25, `only ${wanted.length} rows were found`)
  assert.deepEqual(
    wanted.filter(title => !titles.has(title)),
    [],
  )
})

/** The page's sections, by the plans that they name. */
const sections = page.split(/^## /m)

for (const [plan, modules] of Object.entries(plans))
  test(`conformance map: every module of ${plan} is in its section`, () => {
    const section = sections.find(text => text.includes(`\`${plan}\``)) ?? ''
    assert.ok(modules.length > 0)
    assert.deepEqual(
      modules.filter(module => !section.includes(`\`${module}\``)),
      [],
    )
  })

test('conformance map: no module is named that the suite does not have', () => {
  const known = new Set(Object.values(plans).flat())
  const said = [...page.matchAll(/^\| (`(?:oidcc|fapi2)-[^|]+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, module = '']) => module),
  )
  assert.ok(said.length > 60)
  assert.deepEqual(
    said.filter(module => !known.has(module)),
    [],
  )
})

test('conformance map: the page is headed plainly', () => {
  assert.match(page, /^# Conformance: not certified\n/)
})

test('conformance map: rows and titles are read as they are written', () => {
  assert.deepEqual(named('| module | our test |\n|---|---|\n| `a`, `b` | one: … two |\n'), ['one: … two'])
  const template = '`one: $' + '{x} two [RFC 1 §2] [authorize-001]`'
  assert.deepEqual([...titlesIn([`test(${template}, async () => {})`])], ['one: … two'])
})
