/** The keys `webhooks` and `events`. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { webhookSecret } from '../support/events.ts'
import { masterKey } from '../support/tessera.ts'

const url = 'https://crm.example/hook'

const parse = (input: object, { environment = {}, isModule = false } = {}) =>
  parseConfiguration(
    { issuer: 'https://id.example', storage: 'memory:', ...input },
    { isModule, environment: { TESSERA_MASTER_KEY: masterKey, ...environment } },
  )

const problemOf = (webhook: object) => {
  const parsed = parse({ webhooks: [{ url, secrets: [webhookSecret], ...webhook }] })
  assert.ok(!parsed.ok)
  return parsed.errors.map(({ path, problem }) => `${path}: ${problem}`)
}

test('webhooks: a secret is whsec_ and 24 to 64 bytes in base64', () => {
  const of = (bytes: number) => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`
  for (const bytes of [24, 32, 64]) assert.ok(parse({ webhooks: [{ url, secrets: [of(bytes)] }] }).ok)
  for (const secret of [of(23), of(65), of(32).slice(6), 'whsec_****', `${of(32)}\n`])
    assert.deepEqual(problemOf({ secrets: [secret] }), ['webhooks[0].secrets[0]: it is not a webhook secret'])
  assert.equal(problemOf({ secrets: [] }).length, 1)
  assert.equal(problemOf({ secrets: [of(24), of(32), of(64)] }).length, 1)
})

test('webhooks: a secret can be in a variable, also in that of a tenant', () => {
  const input = {
    webhooks: [{ url, secrets: ['env:CRM_SECRET'] }],
    tenants: [{ name: 'acme', issuer: 'path', webhooks: [{ url, secrets: ['env:CRM_SECRET'] }] }],
  }
  const parsed = parse(input, { environment: { CRM_SECRET: webhookSecret } })
  assert.ok(parsed.ok)
  const { configuration } = parsed
  for (const { webhooks } of [configuration, configuration.tenantIssuers.get('acme')!])
    assert.deepEqual(
      webhooks.map(({ secrets }) => secrets.map(({ length }) => length)),
      [[24]],
    )
  const missing = parse(input)
  assert.ok(!missing.ok)
  assert.match(missing.errors[0]?.problem ?? '', /the variable is not set/)
})

test('webhooks: a misspelled type or address is an error that says what was meant', () => {
  const parsed = parse({ webhooks: [{ url, secrets: [webhookSecret], events: ['user.signedin'] }] })
  assert.ok(!parsed.ok)
  assert.equal(parsed.errors[0]?.nearest, 'user.signed_in')
  assert.equal(problemOf({ url: 'ftp://crm.example' }).length, 1)
  assert.equal(problemOf({ url: 'https://user:secret@crm.example' }).length, 1)
  const twice = parse({ webhooks: [1, 2].map(() => ({ url, secrets: [webhookSecret] })) })
  assert.ok(!twice.ok)
  assert.equal(twice.errors[0]?.path, 'webhooks[1].url')
})

test('webhooks: a tenant inherits those of the server, and an empty list turns them off', () => {
  const tenants = [
    { name: 'acme', issuer: 'path' },
    { name: 'globex', issuer: 'path', webhooks: [] },
  ]
  const parsed = parse({ webhooks: [{ url, secrets: [webhookSecret] }], tenants })
  assert.ok(parsed.ok)
  const countOf = (name: string) => parsed.configuration.tenantIssuers.get(name)?.webhooks.length
  assert.deepEqual([countOf('acme'), countOf('globex')], [1, 0])
})

test('events: a type that does not exist, or no function, is an error, and a file can have none', () => {
  assert.ok(parse({ events: { 'user.created': () => {}, '*': async () => {} } }, { isModule: true }).ok)
  const wrong = parse({ events: { 'user.create': () => {}, '*': 'log' } }, { isModule: true })
  assert.ok(!wrong.ok)
  assert.deepEqual(
    wrong.errors.map(({ path, nearest }) => nearest ?? path).toSorted(),
    ['events.*', 'user.created'].toSorted(),
  )
  assert.ok(!parse({ events: {} }).ok)
})
