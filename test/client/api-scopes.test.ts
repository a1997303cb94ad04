/** Scopes that an API requires: what its challenges name (RFC 6750 §3.1), scopes that imply others, and scopes of one operation. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { challengeOf } from '@tessera/client'
import { type Access, type Decision, dpopScheme, type Requirements } from '@tessera/client/api'
import { createDpop } from '@tessera/client/dpop'
import { guardOf, refusalOf, startIssuer } from './api-world.ts'
import { now } from './token-server.ts'

const { issuer, token } = startIssuer()
const resource = 'https://api.example/v1'
const metadata = 'https://api.example/.well-known/oauth-protected-resource/v1'

/** Reads the challenge of a refusal as clients do. */
const challengeIn = (decision: Decision, scheme?: string) => {
  assert.ok(!decision.ok)
  return challengeOf({ headers: new Headers(decision.response.headers) }, scheme)
}
const accessOf = (decision: Decision): Access => {
  assert.ok(decision.ok, JSON.stringify(decision))
  return decision.access
}

/** Requirements, the scope of a token that does not meet them, and the scope that the challenge names. */
const challenged: readonly (readonly [Requirements, scope: string, named: string])[] = [
  [{ scope: 'read write' }, 'read', 'read write'],
  [{ scope: 'read', anyScope: 'support admin' }, 'other', 'read support'],
  [{ scope: 'read', check: () => ({ scope: 'write' }) }, 'read', 'read write'],
  [{ anyScope: 'support read', check: () => ({ scope: 'write' }) }, 'read other', 'read write'],
  [
    { scope: 'read', check: () => ({ scope: 'write', check: () => ({ scope: 'a b' }) }) },
    'read write',
    'read write a b',
  ],
]

for (const [index, [requirements, scope, named]] of challenged.entries())
  test(`API scopes: one challenge names everything that the request needs (${index + 1}) [RFC 6750 §3.1]`, async () => {
    const { check } = guardOf(issuer, { resource })
    const decision = await check({ token: await token({ scope }) }, requirements)
    assert.equal(refusalOf(decision)[1], 403)
    const { error, scope: needed, resource_metadata } = challengeIn(decision) ?? {}
    assert.deepEqual([error, needed, resource_metadata], ['insufficient_scope', named, metadata])
    // With what the challenge names, the request is allowed.
    assert.ok((await check({ token: await token({ scope: named }) }, requirements)).ok)
  })

test('API scopes: what a check requires is added to the authentication that the route requires [RFC 9470 §3]', async () => {
  const { check } = guardOf(issuer)
  const user = { auth_time: now - 100, acr: 'mfa' }
  const route = { scope: 'read', acr_values: 'mfa', max_age: 300 }
  const decision = await check(
    { token: await token(user) },
    { ...route, check: () => ({ scope: 'write', max_age: 60 }) },
  )
  const { error, scope, acr_values, max_age } = challengeIn(decision) ?? {}
  assert.deepEqual(
    [error, scope, acr_values, max_age],
    ['insufficient_user_authentication', 'read write', 'mfa', 60],
  )
  const longer = { ...route, max_age: 60, check: () => ({ acr_values: 'phr', max_age: 900 }) }
  const other = challengeIn(await check({ token: await token({ ...user, auth_time: now }) }, longer))
  assert.deepEqual([other?.acr_values, other?.max_age], ['phr', 60])
})

test('API scopes: a scope that implies another meets its requirement, and no other', async () => {
  const impliedScopes = { admin: ['write'], write: ['read'], read: ['write'] }
  const { check } = guardOf(issuer, { impliedScopes })
  const allowed = async (scope: string, requirements: Requirements) =>
    (await check({ token: await token({ scope }) }, requirements)).ok
  assert.ok(await allowed('admin', { scope: 'read write' }))
  assert.ok(await allowed('admin', { anyScope: 'other read' }))
  assert.ok(!(await allowed('write', { scope: 'admin' })))
  assert.ok(!(await allowed('other', { scope: 'read' })))
  assert.ok(!(await allowed('constructor', { scope: 'read' })))
  const access = accessOf(await check({ token: await token({ scope: 'admin' }) }, { scope: 'read' }))
  assert.deepEqual(access.scopes, ['admin'])
  for (const malformed of [{ 'a b': ['c'] }, { a: ['b"'] }] as Record<string, string[]>[])
    assert.throws(() => guardOf(issuer, { impliedScopes: malformed }), TypeError)
})

test('API scopes: a handler refuses an operation with the scopes that it needs, and the decision is reported', async () => {
  const { guard, check, events } = guardOf(issuer, { resource, impliedScopes: { write: ['read'] } })
  const access = accessOf(await check({ token: await token({ scope: 'write' }) }))
  const request = { method: 'POST', url: '/v1/mcp?session=1' }
  assert.equal(guard.missingScope(access, 'read write', request), undefined)
  assert.equal(guard.missingScope(access, ['read'], request), undefined)
  const refused = guard.missingScope(access, ['read', 'delete'], request)
  assert.ok(refused)
  assert.deepEqual(refusalOf(refused), [
    'scope_insufficient',
    403,
    `Bearer error="insufficient_scope", error_description="the access token lacks a required scope", scope="read delete", resource_metadata="${metadata}"`,
  ])
  // A web response can be made of it.
  const { response } = refused
  assert.equal((await new Response(response.body, response).json()).error, 'insufficient_scope')
  const { reason, method, url, status, client_id } = events.at(-1) ?? {}
  assert.deepEqual(
    [reason, method, url, status, client_id],
    ['scope_insufficient', 'POST', '/v1/mcp', 403, 'app'],
  )
  for (const malformed of ['', [], 'a"'])
    assert.throws(() => guard.missingScope(access, malformed, request), TypeError)
})

test('API scopes: the challenge for a bound token has its scheme', async () => {
  const dpop = dpopScheme({ url: 'https://api.example', now: () => now })
  const { guard, check } = guardOf(issuer, { resource, schemes: [dpop] })
  const key = await createDpop(undefined, { now: () => now })
  const bound = await token({ cnf: { jkt: key.jkt }, scope: 'read' })
  const url = 'https://api.example/orders'
  const proof = await key.headers({ method: 'GET', url, accessToken: bound })
  const access = accessOf(await check({ headers: { authorization: `DPoP ${bound}`, ...proof } }))
  const refused = guard.missingScope(access, 'write', { method: 'GET', url })
  assert.ok(refused)
  assert.deepEqual(
    ['DPoP', 'Bearer'].map(scheme => challengeIn(refused, scheme)?.error),
    ['insufficient_scope', undefined],
  )
  assert.deepEqual(
    guard.metadata?.document.dpop_signing_alg_values_supported,
    dpop.parameters?.algs?.split(' '),
  )
})
