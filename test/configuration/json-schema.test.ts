/** The published JSON Schema, and that it and the demo match the code. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfiguration } from '../../packages/server/src/configuration/load.ts'
import { configurationJsonSchema } from '../../packages/server/src/configuration/schema/whole.ts'

const inRepository = (path: string) => new URL(`../../${path}`, import.meta.url)

test('configuration schema: the published one matches the code (otherwise: tessera config schema > docs/configuration.schema.json)', async () => {
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

test('configuration schema: every key of a client has a description, and optional keys their defaults', () => {
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

test('configuration guide: it describes every key', async () => {
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

/** Where the guide describes which part of the schema: the heading, or the words before a table, and the path. */
const sections: readonly (readonly [opening: string, path: string])[] = [
  ['## The server', ''],
  ['`authorization_requests` has these keys', 'authorization_requests'],
  ['`authorization_responses` has these keys', 'authorization_responses'],
  ['## `mfa`', 'mfa'],
  ['## `sessions`', 'sessions'],
  ['## `registration`', 'registration'],
  ['## `branding`', 'branding'],
  ['## `clients`', 'clients'],
  ['**Secrets**', 'clients.client_secrets'],
  ['## `identity_resources`', 'identity_resources'],
  ['## `api_scopes`', 'api_scopes'],
  ['## `api_resources`', 'api_resources'],
  ['## Claim rules', 'clients.user_claims'],
  ['## `users`', 'users'],
  ['## `identity_providers`', 'identity_providers'],
  ['`directory`:', 'identity_providers.directory'],
  ['## `tenants`', 'tenants'],
]

/** Rows that say less than the schema, because the guide has the rest elsewhere. */
const shorter: ReadonlySet<string> = new Set([
  '.registration',
  'authorization_requests.request_object_max_lifetime',
  'branding.colors',
])

/** A description without links, code marks and references to other pages. */
const plain = (meaning: string): string =>
  meaning
    .replaceAll(/\s*\(\[[^\]]*\]\([^)]*\)\)/g, '')
    .replaceAll(/(;|\.)?\s*[Ss]ee \[[^\]]*\]\([^)]*\)\.?/g, '.')
    .replaceAll('`', '')
    .trim()

test('configuration guide: the description of a key is the one that editors show', async () => {
  const guide = await readFile(inRepository('docs/guides/configuration.md'), 'utf8')
  const schemaAt = (path: string): Schema | undefined =>
    path
      .split('.')
      .filter(step => step !== '')
      .reduce<Schema | undefined>((schema, step) => {
        const found = schema?.properties?.[step]
        return found?.items ?? found
      }, configurationJsonSchema() as Schema)
  let path: string | undefined
  let compared = 0
  for (const line of guide.split('\n')) {
    const opening = sections.find(([words]) => line.startsWith(words))
    if (opening) path = opening[1]
    else if (/^#/.test(line)) path = undefined
    const [, key, meaning] = /^\| `(\w+)` \|.*\| (.+) \|$/.exec(line) ?? []
    const schema = key === undefined || path === undefined ? undefined : schemaAt(path)?.properties?.[key]
    if (!schema || !meaning || shorter.has(`${path}.${key}`)) continue
    const [written, said = ''] = [plain(meaning), schema.description]
    assert.ok(
      said.startsWith(written) || written.startsWith(said.slice(0, -1)),
      `${path}.${key}: ${written} | ${said}`,
    )
    compared++
  }
  assert.ok(compared > 140, `only ${compared} rows were compared`)
})

test('demo: its configuration has no error and no warning', async () => {
  const outcome = await loadConfiguration({
    file: fileURLToPath(inRepository('examples/demo/tessera.jsonc')),
    environment: {},
  })
  assert.ok(outcome.ok, JSON.stringify(outcome))
  assert.deepEqual(outcome.warnings, [])
})
