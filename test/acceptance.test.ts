/**
 * Every row of IdentityServer4's behaviour in these areas (`acceptance-ids.json`: their ids) is named in brackets by a
 * test that covers it, or is listed in `docs/acceptance.md` with the reason.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readText, textsOf } from './support/repository.ts'

const rows: readonly string[] = JSON.parse(readText('test/acceptance-ids.json'))

/** Rows that are named individually, each in its own brackets. */
const tested = (texts: Iterable<string>): ReadonlySet<string> =>
  new Set(
    [...texts].flatMap(text => [...text.matchAll(/\[([a-z]+(?:-[a-z]+)*-\d{3})\]/g)].map(([, id]) => id!)),
  )

/** Rows in the page's first column. The area may be omitted, and a range is written `025…029`. */
function overruled(page: string): ReadonlySet<string> {
  const cells = [...page.matchAll(/^\| ([a-z][^|]*\d{3}[^|]*) \|/gm)].map(([, cell = '']) => cell)
  return new Set(cells.flatMap(idsOf))
}

function idsOf(cell: string): readonly string[] {
  let area = ''
  return cell.split(/,\s*/).flatMap(entry => {
    const [, named, from, to] = /^(?:([a-z-]+)-)?(\d{3})(?:…(\d{3}))?$/.exec(entry.trim()) ?? []
    assert.ok(from !== undefined, `"${entry}" is no row`)
    area = named ?? area
    const count = Number(to ?? from) - Number(from) + 1
    return Array.from({ length: count }, (_, at) => `${area}-${String(Number(from) + at).padStart(3, '0')}`)
  })
}

const namedByTests = tested(textsOf('test/**/*.test.ts').values())
const page = overruled(readText('docs/acceptance.md'))

test('acceptance: every row is covered by a test or overruled on the page', () => {
  assert.ok(rows.length > 150)
  assert.deepEqual(
    rows.filter(row => !namedByTests.has(row) && !page.has(row)),
    [],
  )
})

test('acceptance: no test names a row that does not exist', () => {
  const areas = new Set(rows.map(row => row.slice(0, -4)))
  const unknown = [...namedByTests].filter(row => areas.has(row.slice(0, -4)) && !rows.includes(row))
  assert.deepEqual(unknown, [])
})

test('acceptance: rows are read as they are written', () => {
  assert.deepEqual(
    [...tested(["test('a [made-up-002] [RFC 6749 §5.2] b [up-010]')"])],
    ['made-up-002', 'up-010'],
  )
  const table = '| row | case |\n|---|---|\n| pkce-001, 004…006, jar-019 | a | b |\n'
  assert.deepEqual([...overruled(table)], ['pkce-001', 'pkce-004', 'pkce-005', 'pkce-006', 'jar-019'])
})
