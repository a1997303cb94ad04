/** Lifetimes of sessions in a configuration. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertErrors, parsed } from './errors.ts'

const sessionsOf = (sessions: object) => parsed({ sessions }).configuration.sessions

test('configuration: by default sessions last two hours unused and ten hours at most, and none is persistent', () => {
  assert.deepEqual(parsed({}).configuration.sessions, {
    lifetimes: { idle: 7200, absolute: 36_000 },
    endRevokes: 'online',
    endOnExpiry: false,
    sameSite: 'lax',
  })
})

test('configuration: a short absolute lifetime shortens the default idle one', () => {
  assert.deepEqual(sessionsOf({ absolute_lifetime: 600 }).lifetimes, { idle: 600, absolute: 600 })
  assert.equal(sessionsOf({ idle_lifetime: 600, absolute_lifetime: 600 }).lifetimes.idle, 600)
  assert.equal(sessionsOf({ keep_signed_in: true }).lifetimes.kept, 2_592_000)
})

test('configuration: an idle lifetime that never applies is an error', () => {
  assertErrors({ sessions: { idle_lifetime: 601, absolute_lifetime: 600 } }, [
    { path: 'sessions.idle_lifetime', problem: /has no effect/, fix: /shorter/ },
  ])
  assertErrors({ sessions: { idle_lifetime: 59, end_revokes: 'some' } }, [
    { path: 'sessions.idle_lifetime', problem: /too small/ },
    { path: 'sessions.end_revokes', problem: /not known/ },
  ])
})

test('configuration: the session cookie is SameSite=Lax, or None if configured; Strict would hide every session from clients', () => {
  assert.equal(sessionsOf({ same_site: 'none' }).sameSite, 'none')
  assertErrors({ sessions: { same_site: 'strict' } }, [{ path: 'sessions.same_site', problem: /not known/ }])
  assertErrors({ issuer: 'http://id.example', sessions: { same_site: 'none' } }, [
    { path: 'issuer', problem: /its host is not a loopback host/ },
  ])
})
