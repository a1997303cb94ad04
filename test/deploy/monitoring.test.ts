/** The dashboard and the alert rules name only metrics, labels, events and reasons that exist. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { readText, textsOf } from '../support/repository.ts'
import { createTestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'
import { findCommand } from './proxies.ts'

const rulesFile = 'deploy/prometheus/tessera.rules.yaml'
const groups: readonly any[] = parse(readText(rulesFile)).groups
const rules = groups.flatMap(({ rules }) => rules)
const alerts = rules.filter(({ alert }) => alert)
const records = new Map<string, string>(rules.flatMap(({ record, expr }) => (record ? [[record, expr]] : [])))
const dashboard = JSON.parse(readText('deploy/grafana/tessera.json'))
const panels: readonly any[] = dashboard.panels

const expressions: readonly string[] = [
  ...rules.map(({ expr }) => expr),
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }: { expr: string }) => expr)),
  ...dashboard.annotations.list.map(({ expr }: { expr: string }) => expr),
]

/** Labels that Prometheus adds when it scrapes. */
const added = ['job', 'instance']

/** The series of an expression, with the labels that it selects by, and their values. */
const selectorsOf = (expression: string) =>
  [...expression.matchAll(/\b((?:tessera|process|nodejs)[\w:]+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, name = '', inside = '']) => ({
      name,
      labels: [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].map(
        ([, label = '', value = '']) => [label, value] as const,
      ),
    }),
  )

/** Labels of a metric family: those that a server reported, and those of the documentation for families that it did not. */
async function familiesOf(): Promise<Map<string, Set<string>>> {
  const token = 'a-token-of-thirty-two-characters'
  const server = await createTestServer({ ...world, metrics: { tokens: [{ value: token }] } })
  const form = { grant_type: 'client_credentials', scope: 'api1' }
  await server.token(form, { client: ['client', secret] })
  await server.token(form, { client: ['client', 'wrong'] })
  const { body } = await server.send('GET', '/metrics', { headers: { authorization: `Bearer ${token}` } })
  await server.close()
  const families = new Map<string, Set<string>>()
  for (const [, name = '', inside = ''] of body.matchAll(/^([a-z_0-9]+)(?:\{(.*)\})? [\d.e+-]+$/gm)) {
    const labels = families.get(name) ?? new Set(added)
    for (const [, label = ''] of inside.matchAll(/(\w+)="/g)) labels.add(label)
    families.set(name, labels)
  }
  assert.ok(families.size > 20)
  const page = readText('docs/endpoints/metrics.md')
  for (const [, names = '', labels = ''] of page.matchAll(
    /^\| ((?:`\w+`(?:, )?)+) \|(?: ((?:`\w+`(?:, )?)+))? \|/gm,
  ))
    for (const [, name = ''] of names.matchAll(/`(\w+)`/g))
      if (!families.has(name))
        families.set(
          name,
          new Set([...added, ...[...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label!)]),
        )
  return families
}

test('monitoring: each metric of the dashboard and the rules exists, with the labels that they use', async () => {
  const families = await familiesOf()
  families.set('up', new Set(added))
  for (const [name, expr] of records) {
    const [source] = selectorsOf(expr)
    families.set(name, families.get(source?.name ?? '') ?? assert.fail(name))
  }
  const seen = expressions.flatMap(selectorsOf)
  assert.ok(seen.length > 50)
  for (const { name, labels } of seen) {
    const known = families.get(name) ?? assert.fail(`${name} is no metric`)
    for (const [label] of labels) assert.ok(known.has(label), `${name} has no label ${label}`)
  }
  // Labels of aggregations and legends belong to some metric of the same expression.
  for (const expression of expressions)
    for (const [, list = ''] of expression.matchAll(/\bby \(([^)]*)\)/g))
      for (const label of list.split(', '))
        assert.ok(
          label === 'le' || selectorsOf(expression).some(({ name }) => families.get(name)?.has(label)),
          `${expression}: ${label}`,
        )
})

test('monitoring: rules that select an event or a reason name one that the server logs', () => {
  const source = [...textsOf('packages/server/src/**/*.ts').values()].join('\n')
  const reasons = readText('docs/reasons.md')
  const values = (wanted: string) =>
    rules
      .flatMap(({ expr }) => selectorsOf(expr))
      .flatMap(({ labels }) =>
        labels.filter(([label]) => label === wanted).flatMap(([, value]) => value.split('|')),
      )
  const [events, refused, outcomes] = [values('event'), values('reason'), values('outcome')]
  assert.ok(events.length > 6 && refused.length > 3 && outcomes.length > 1)
  for (const event of events) assert.match(source, new RegExp(`'${event}'`), event)
  for (const reason of refused) assert.match(reasons, new RegExp(`^\\| \`${reason}\` \\|`, 'm'), reason)
  for (const outcome of outcomes)
    assert.match(readText('docs/endpoints/metrics.md'), new RegExp(`\`${outcome}\``))
})

test('monitoring: each alert has a severity, a summary and a row in the guide', () => {
  const guide = readText('docs/guides/observability.md')
  const listed = [...guide.matchAll(/^\| `(Tessera\w+)` \|/gm)].map(([, name]) => name)
  assert.deepEqual(
    listed,
    alerts.map(({ alert }) => alert),
  )
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels.severity, /^(?:critical|warning)$/, alert)
    assert.ok(annotations.summary.length > 10, alert)
  }
})

test('monitoring: panels do not overlap, and have one id each', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const cells = new Set<string>()
  for (const {
    title,
    gridPos: { x, y, w, h },
  } of panels) {
    assert.ok(x + w <= 24, title)
    for (let column = x; column < x + w; column++)
      for (let line = y; line < y + h; line++) {
        assert.ok(!cells.has(`${column},${line}`), `${title} overlaps`)
        cells.add(`${column},${line}`)
      }
  }
})

const promtool = findCommand('promtool')
test('monitoring: promtool accepts the rules, and their cases', {
  skip: promtool === undefined && 'promtool is not installed',
}, () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  assert.match(
    execFileSync(promtool ?? '', ['check', 'rules', join(root, rulesFile)], { encoding: 'utf8' }),
    /SUCCESS/,
  )
  execFileSync(promtool ?? '', ['test', 'rules', join(root, 'deploy/prometheus/tessera.test.yaml')])
})
