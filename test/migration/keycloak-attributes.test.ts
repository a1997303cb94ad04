/** Keycloak: attributes of users, which users may have written, decide nothing that Keycloak did not let them decide. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Migration, migrate } from '../../packages/server/src/migration/migrate.ts'
import { importerNamed } from './fixtures.ts'

type Realm = Migration

/** A realm with these users, and mappers of its only scope. */
const realmOf = (attributes: object, user: object = {}, protocolMappers: readonly object[] = []) =>
  migrate(
    importerNamed('keycloak'),
    [
      {
        name: 'realm.json',
        value: {
          realm: 'corp',
          clients: [{ clientId: 'app', publicClient: true, redirectUris: ['https://app.example/cb'] }],
          clientScopes: [{ name: 'extra', protocol: 'openid-connect', protocolMappers }],
          users: [{ id: 'u', username: 'mallory', enabled: true, ...user, attributes }],
        },
      },
    ],
    0,
  )
const attributeOutcome = (of: Realm, name: string) =>
  of.lines
    .filter(({ source }) => JSON.stringify(source) === JSON.stringify(['users', 0, 'attributes', name]))
    .map(({ outcome }) => outcome)

test('migration: an attribute of Keycloak gives no role, address or name that its user could have written', () => {
  const decided = {
    ...{
      roles: ['admin'],
      groups: ['/admins'],
      resource_access: ['x'],
      realm_access: ['x'],
      active: ['true'],
    },
    ...{ email: ['ceo@corp.example'], emailVerified: ['true'], email_verified: ['true'] },
    ...{
      preferred_username: ['ceo'],
      username: ['ceo'],
      'preferred_username#de': ['chef'],
      'roles#de': ['admin'],
    },
    ...{ updatedAt: ['1'], phone_number_verified: ['true'], address: ['x'] },
    ...{ sub: ['ceo'], tenant: ['acme'], amr: ['mfa'], 'acr#de': ['x'], client_id: ['app'] },
  }
  for (const user of [{}, { email: 'mallory@corp.example', emailVerified: false, realmRoles: ['reader'] }]) {
    const of = realmOf({ ...decided, department: ['sales'] }, user)
    for (const name of Object.keys(decided))
      assert.deepEqual(attributeOutcome(of, name), ['not_possible'], name)
    const { sub: _, username: __, ...others } = of.users[0]!
    const { emailVerified: ___, realmRoles: roles, email } = { ...user } as Record<string, any>
    const own = email === undefined ? {} : { email, email_verified: false, roles }
    assert.deepEqual(others, { ...own, claims: { department: 'sales' } })
  }
})

test('migration: the first and last name of a user of Keycloak count before attributes with these names', () => {
  const attributes = { name: ['The CEO'], given_name: ['The'], family_name: ['CEO'] }
  const named = realmOf(attributes, { firstName: 'Mal', lastName: 'Lory' })
  assert.deepEqual(named.users[0]?.claims, { given_name: 'Mal', family_name: 'Lory', name: 'Mal Lory' })
  for (const name of Object.keys(attributes))
    assert.deepEqual(attributeOutcome(named, name), ['not_possible'], name)
  assert.deepEqual(realmOf(attributes).users[0]?.claims, {
    ...{ name: 'The CEO', given_name: 'The', family_name: 'CEO' },
  })
})

test("migration: Keycloak's statement about a phone number is kept as a boolean, for the number that it is about", () => {
  const claimsOf = (attributes: object) => realmOf(attributes).users[0]?.claims
  const phoneNumber = ['+1']
  for (const [text, verified] of [
    ['true', true],
    ['True', true],
    ['false', false],
    ['yes', false],
  ] as const)
    assert.deepEqual(claimsOf({ phoneNumber, phoneNumberVerified: [text] }), {
      ...{ phone_number: '+1', phone_number_verified: verified },
    })
  assert.deepEqual(claimsOf({ phone_number: ['+2'], phoneNumberVerified: ['true'] }), { phone_number: '+2' })
  const both = { phoneNumber, phoneNumberVerified: ['true'], phone_number: ['+2'] }
  assert.deepEqual(claimsOf(both), { phone_number: '+1', phone_number_verified: true })
})

test('migration: a mapper of Keycloak reads an attribute only if it is carried over, and other booleans become booleans', () => {
  const mapper = (attribute: string, type = 'String') => ({
    ...{ name: attribute, protocol: 'openid-connect', protocolMapper: 'oidc-usermodel-attribute-mapper' },
    config: {
      ...{ 'user.attribute': attribute, 'claim.name': `their_${attribute}`, 'jsonType.label': type },
      'id.token.claim': 'true',
    },
  })
  const mappers = ['roles', 'groups', 'realm_access', 'tenant', 'username', 'department'].map(name =>
    mapper(name),
  )
  const of = realmOf({}, {}, [...mappers, mapper('kyc_verified', 'boolean')])
  const scopes = of.configuration.identity_resources as readonly Record<string, any>[]
  const entries = scopes.find(({ name }) => name === 'extra')?.claims
  assert.deepEqual(entries, [
    { claim: 'their_username', from: 'preferred_username' },
    { claim: 'their_department', from: 'department' },
    { claim: 'their_kyc_verified', from: 'kyc_verified', map: { true: true, false: false } },
  ])
})
