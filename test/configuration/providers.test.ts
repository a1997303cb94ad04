/** An identity provider can't be mapped to claims that this server sets itself. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reservedClaims } from '../../packages/server/src/model/user.ts'
import { assertErrors } from './errors.ts'

const oidc = { name: 'corp', type: 'oidc', issuer: 'https://corp.example', client_id: 'tessera' }
const ldap = {
  name: 'staff',
  type: 'ldap',
  directory: { url: 'ldaps://ldap.example', user_dn: 'uid={username},dc=example' },
}

test('configuration: no provider can map a claim that this server sets itself [RFC 7519 §4.1]', () => {
  for (const claim of ['sub', 'iss', 'aud', 'tenant', 'amr', 'scope', 'client_id', 'sid'])
    assert.ok(reservedClaims.has(claim), claim)
  const problem = /only this server may set/
  for (const claim of reservedClaims) {
    for (const provider of [oidc, ldap])
      assertErrors({ identity_providers: [{ ...provider, claim_mapping: { [claim]: 'theirs' } }] }, [
        { path: 'identity_providers[0].claim_mapping', problem },
      ])
    assertErrors({ identity_providers: [{ ...oidc, claims: [claim] }] }, [
      { path: 'identity_providers[0].claims', problem },
    ])
  }
})
