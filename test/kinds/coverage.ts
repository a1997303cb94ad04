/** Lists every endpoint of a server with all features enabled, and checks that a table has a row for each. */

import assert from 'node:assert/strict'
import { createTestServer } from '../support/tessera.ts'
import { world } from '../support/world.ts'

/** A configuration with every endpoint. */
export const everythingOn = {
  ...world,
  // On a loopback issuer mail is shown at /dev/mail, which is an endpoint too.
  issuer: 'http://localhost:5080',
  accounts: { sign_up: true, password_reset: true, self_deletion: true },
  registration: { mode: 'open' },
  admin_api: { enabled: true },
  metrics: { tokens: [{ value: 'a-token-of-a-scraper-that-is-long' }] },
  identity_providers: [
    { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'tessera', client_secret: 's' },
  ],
} as const

/** Each endpoint as `METHOD path`, sorted. */
export async function everyEndpoint(): Promise<readonly string[]> {
  const server = await createTestServer(everythingOn, { sendMail: false, print: () => {} })
  try {
    return server.routes.flatMap(({ methods, path }) => methods.map(method => `${method} ${path}`)).toSorted()
  } finally {
    await server.close()
  }
}

/**
 * Throws unless `rows` names exactly what exists: a new endpoint, counter or reader needs a row, and a removed one
 * loses its row.
 */
export function assertCovers(rows: Iterable<string>, existing: Iterable<string>, what: string): void {
  const named = [...rows]
  const names = new Set(named)
  const there = new Set(existing)
  assert.ok(there.size > 0, `no ${what} was found: the list of what exists is broken`)
  assert.deepEqual(
    named.filter((name, index) => named.indexOf(name) !== index),
    [],
    `a ${what} has two rows`,
  )
  assert.deepEqual(
    {
      'without a row': [...there].filter(name => !names.has(name)),
      'gone, but with a row': named.filter(name => !there.has(name)),
    },
    { 'without a row': [], 'gone, but with a row': [] },
    `the table must have a row for each ${what}`,
  )
}
