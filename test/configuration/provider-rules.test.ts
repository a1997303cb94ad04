/** Identity providers: errors and warnings. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertErrors, errorsOf, parsed } from './errors.ts'

const oidc = { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'tessera' }
const client_jwk = {
  ...{ kty: 'EC', crv: 'P-256', alg: 'ES256' },
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
}
const tenants = [{ name: 'acme' }, { name: 'globex' }]
const providers = (...list: readonly object[]) => ({ tenants, identity_providers: list })

for (const [method, credential] of [
  ['client_secret_basic', { client_secret: 'a-secret-of-tessera' }],
  ['client_secret_post', { client_secret: 'a-secret-of-tessera' }],
  ['private_key_jwt', { client_jwk }],
] as const)
  test(`configuration: a provider with ${method} needs credentials for it`, () => {
    const token_endpoint_auth_method = method
    assert.deepEqual(errorsOf(providers({ ...oidc, token_endpoint_auth_method, ...credential })), [])
    assertErrors(providers({ ...oidc, token_endpoint_auth_method }), [
      {
        path: 'identity_providers[0].token_endpoint_auth_method',
        problem: /nothing to authenticate with/,
        fix: method === 'private_key_jwt' ? /client_jwk/ : /client_secret/,
      },
    ])
  })

test('configuration: a domain selects one provider of a tenant', () => {
  const domains = ['corp.example']
  const twin = { ...oidc, name: 'twin', domains }
  const problem = /"corp.example" already belongs to identity_providers\[0\]/
  const twice = [{ path: 'identity_providers[1].domains[0]', problem }]
  assertErrors(providers({ ...oidc, domains }, twin), twice)
  assertErrors(providers({ ...oidc, domains: ['a.example', ...domains] }, twin), twice)
  assertErrors(
    providers({ ...oidc, domains, tenants: ['acme', 'globex'] }, { ...twin, tenants: ['globex'] }),
    twice,
  )
  for (const pair of [
    [{ ...oidc, domains: ['other.example'] }, twin],
    [
      { ...oidc, domains, tenants: ['acme'] },
      { ...twin, tenants: ['globex'] },
    ],
    [{ ...oidc, domains, tenants: ['acme'] }, twin],
  ])
    assert.deepEqual(errorsOf(providers(...pair)), [])
})

test('configuration: a directory without TLS causes a warning, unless it is on this machine', () => {
  const warningsOf = (url: string) =>
    parsed(
      providers({
        name: 'dir',
        type: 'ldap',
        directory: { url, tls: 'none', user_dn: 'uid={username},dc=example' },
      }),
    ).warnings.filter(({ path }) => path.startsWith('identity_providers'))
  for (const host of ['localhost', '127.0.0.1', '[::1]']) assert.deepEqual(warningsOf(`ldap://${host}`), [])
  for (const host of ['ldap.example', '10.0.0.1', 'localhost.example']) {
    const [warning, ...others] = warningsOf(`ldap://${host}`)
    assert.equal(warning?.path, 'identity_providers[0].directory')
    assert.match(warning?.problem ?? '', /unencrypted/)
    assert.deepEqual(others, [])
  }
})

test('configuration: names of groups need a base, and the base a claim from an attribute of groups', () => {
  const directory = { url: 'ldaps://ldap.example', user_dn: 'uid={username},dc=example' }
  const claim_mapping = { groups: 'memberOf' }
  const withGroups = (more: object, mapping: object = claim_mapping) =>
    providers({ name: 'dir', type: 'ldap', directory: { ...directory, ...more }, claim_mapping: mapping })
  const group_base = 'ou=groups,dc=example'
  assert.deepEqual(errorsOf(withGroups({ group_base, group_format: 'name' })), [])
  assert.deepEqual(errorsOf(withGroups({ group_base }, { staff: 'isMemberOf' })), [])
  const path = 'identity_providers[0].directory'
  assertErrors(withGroups({ group_format: 'name' }), [
    { path, problem: /needs group_base/, fix: /add "group_base"/ },
  ])
  assertErrors(withGroups({ group_base }, { name: 'cn' }), [
    { path, problem: /no effect/, fix: /"memberOf"/ },
  ])
  assertErrors(withGroups({ group_base: 'groups' }), [
    { path: `${path}.group_base`, problem: /distinguished name/ },
  ])
})
