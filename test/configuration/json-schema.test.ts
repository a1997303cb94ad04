/** The published JSON Schema, and that it and the demo keep up with the code. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfiguration } from '../../packages/server/src/configuration/load.ts'
import { configurationJsonSchema } from '../../packages/server/src/configuration/schema/whole.ts'

const inRepository = (path: string) => new URL(`../../${path}`, import.meta.url)

test('configuration schema: the published one is what the code says (else: tessera config schema > docs/configuration.schema.json)', async () => {
  const published = JSON.parse(await readFile(inRepository('docs/configuration.schema.json'), 'utf8'))
  assert.deepEqual(published, configurationJsonSchema())
})

type Schema = {
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: unknown
}

test('configuration schema: every key of a client has a description, omitted ones their defaults', () => {
  const client = (configurationJsonSchema() as Schema).properties?.clients?.items
  const properties = Object.entries(client?.properties ?? {})
  assert.ok(properties.length > 30)
  assert.deepEqual(
    properties.filter(([, schema]) => !schema.description).map(([key]) => key),
    [],
  )
  assert.equal(client?.properties?.access_token_lifetime?.default, 3600)
  assert.equal(client?.additionalProperties, false)
})

test('configuration guide: it tells of every key', async () => {
  const guide = await readFile(inRepository('docs/guides/configuration.md'), 'utf8')
  const keys = new Set<string>()
  const collect = (schema: Schema | undefined): void => {
    for (const [key, inner] of Object.entries(schema?.properties ?? {})) {
      keys.add(key)
      collect(inner)
      collect(inner.items)
    }
  }
  collect(configurationJsonSchema() as Schema)
  assert.ok(keys.size > 60)
  assert.deepEqual(
    [...keys].filter(key => !guide.includes(`\`${key}\``)),
    [],
  )
})

test('demo: its configuration has no fault and no warning', async () => {
  const outcome = await loadConfiguration({
    file: fileURLToPath(inRepository('examples/demo/tessera.jsonc')),
    environment: {},
  })
  assert.ok(outcome.ok, JSON.stringify(outcome))
  assert.deepEqual(outcome.warnings, [])
})
