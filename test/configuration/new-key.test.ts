/**
 * A worked example: the source files that a configuration key touches. Follow `drain_delay` to add a key of the server,
 * and `consent_lifetime` to add a key of a client. Besides these files, a new key needs a row in
 * docs/guides/configuration.md and `tessera config schema > docs/configuration.schema.json`, which other tests check.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textsOf } from '../support/repository.ts'

const sources = 'packages/server/src/'

/** Returns the source files that contain one of these names. */
const filesWith = (...names: readonly string[]): readonly string[] =>
  [...textsOf('packages/*/src/**/*.ts')]
    .filter(([, text]) => names.some(name => new RegExp(`\\b${name}\\b`).test(text)))
    .map(([file]) => file.replace(sources, ''))

test('configuration: a key of the server touches its schema, its type and its consumer', () => {
  assert.deepEqual(filesWith('drain_delay', 'drainDelay'), [
    // Its consumer.
    'app/start-server.ts',
    // Its type in the configuration, with its description.
    'configuration/configuration.ts',
    // Its schema, its owner if tenants have their own issuer, and its place in the configuration.
    'configuration/schema/deployment.ts',
  ])
})

test('configuration: a key of a client touches its schema, its type and its consumer', () => {
  assert.deepEqual(filesWith('consent_lifetime'), [
    'configuration/schema/client.ts',
    'model/client.ts',
    // Its consumer.
    'pages/consent/consent.ts',
  ])
})
