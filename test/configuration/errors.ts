/** Small configurations with one error each, and the expected reports. */

import assert from 'node:assert/strict'
import type { Diagnostic } from '../../packages/server/src/configuration/diagnostic.ts'
import { type ParseOptions, parseConfiguration } from '../../packages/server/src/configuration/parse.ts'

export type Input = Readonly<Record<string, unknown>>

/** A valid confidential client. */
export const machine: Input = {
  client_id: 'machine',
  client_secrets: [{ value: 'secret-of-a-machine' }],
  grant_types: ['client_credentials'],
}

/** A valid public client. */
export const spa: Input = {
  client_id: 'spa',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['https://app.example/callback'],
}

/** A configuration with only this client. */
export const withClient = (client: Input, more: Input = {}): Input => ({ clients: [client], ...more })

export const errorsOf = (input: unknown, options?: ParseOptions): readonly Diagnostic[] => {
  const outcome = parseConfiguration(input, options)
  return outcome.ok ? [] : outcome.errors
}

/** Asserts that exactly these are reported, in any order. */
export function assertErrors(
  input: unknown,
  expected: readonly { path: string; problem: RegExp; fix?: RegExp; nearest?: string }[],
  options?: ParseOptions,
): void {
  const errors = errorsOf(input, options)
  assert.deepEqual(
    errors.map(error => error.path).sort(),
    expected.map(one => one.path).sort(),
    JSON.stringify(errors, null, 2),
  )
  for (const { path, problem, fix, nearest } of expected) {
    const error = errors.find(one => one.path === path && problem.test(one.problem))
    assert.ok(error, `${path}: ${JSON.stringify(errors)}`)
    if (fix) assert.match(error.fix, fix)
    if (nearest !== undefined) assert.equal(error.nearest, nearest)
    assert.ok(error.expected.length > 0 && error.fix.length > 0)
  }
}

export function parsed(input: unknown, options?: ParseOptions) {
  const outcome = parseConfiguration(input, options)
  assert.ok(outcome.ok, JSON.stringify(outcome))
  return outcome
}
