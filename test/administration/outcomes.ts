/** Helpers of tests of administration. */

import assert from 'node:assert/strict'
import type { JsonObject } from '@tessera/protocol/result'
import type { TestServer } from '../support/tessera.ts'

export const actor = 'tester'

/** Returns the value of an outcome that must be one. */
export function made<Value>(
  outcome: { readonly ok: true; readonly value: Value } | { readonly ok: false },
): Value {
  assert.ok(outcome.ok, JSON.stringify(outcome))
  return outcome.value
}

/** Returns the problem of an outcome, with the places of its errors, and the entries and the number of users that it names. */
export function refused(outcome: { readonly ok: boolean }): unknown {
  assert.ok(!outcome.ok, JSON.stringify(outcome))
  const { problem, errors, references, users } = outcome as {
    readonly problem?: string
    readonly errors?: readonly { readonly path: string; readonly problem: string }[]
    readonly users?: number
    readonly references?: readonly { readonly kind: string; readonly id: string }[]
  }
  return [
    problem,
    ...(errors ?? []).map(({ path }) => path),
    ...(references ?? []).map(({ kind, id }) => `${kind} ${id}`),
    ...(users === undefined ? [] : [`${users} users`]),
  ].join(', ')
}

export const service = (more: JsonObject = {}): JsonObject => ({
  client_id: 'made',
  client_name: 'Made',
  client_secrets: [{ value: 'top secret' }],
  grant_types: ['client_credentials'],
  scope: 'api1',
  ...more,
})

export const tokenOf = (server: TestServer, id: string, secret: string, scope = 'api1') =>
  server.token({ grant_type: 'client_credentials', scope }, { client: [id, secret] })
