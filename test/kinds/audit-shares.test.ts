/**
 * Every type of audit record, by who can cause records of it again and again. Records stay for months in a queue and a
 * log that all share, so strangers and users have a share of each minute. A new type does not compile without a row.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditType, isAuditedByStrangers } from '../../packages/server/src/model/audit.ts'
import type { EventType } from '../../packages/server/src/model/events.ts'
import { withOrigin } from '../../packages/server/src/runtime/async/origin.ts'
import { auditWorld } from '../support/audit.ts'
import { createBrowser } from '../support/browser.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

type Cause =
  /** Anybody: a share for each network, and one for all. */
  | 'stranger'
  /** A user at pages, about their own account: a share for each user and type. */
  | 'page'
  /** A user at pages, or at any client that they sign in to: a share for each user and type. */
  | 'client'
  /** Operators, modules, trusted providers and the server itself: every record. */
  | 'operator'

const causes: Readonly<Record<EventType | AuditType, Cause>> = {
  'user.signed_in': 'page',
  // Each is about another user. `POST /register` has limits of its own by address and network.
  'user.created': 'page',
  'user.updated': 'page',
  'user.password_changed': 'page',
  'user.disabled': 'operator',
  'user.enabled': 'operator',
  'user.deleted': 'page',
  'user.exported': 'operator',
  'user.access_revoked': 'operator',
  'client.access_revoked': 'operator',
  'client.blocked': 'operator',
  'client.unblocked': 'operator',
  'tenant.access_revoked': 'operator',
  'user.factor_added': 'page',
  'user.factor_removed': 'page',
  'user.factors_reset': 'operator',
  'user.identity_linked': 'page',
  'user.identity_unlinked': 'page',
  'session.ended': 'page',
  // At the token endpoint each one: `audit.tokens` asks for a record of every token.
  'token.issued': 'page',
  'token.refused': 'stranger',
  'token.revoked': 'client',
  'authorization.revoked': 'client',
  'consent.given': 'page',
  'consent.withdrawn': 'page',
  'entry.created': 'operator',
  'entry.updated': 'operator',
  'entry.deleted': 'operator',
  'key.rotated': 'operator',
  'key.removed': 'operator',
  'admin.requested': 'operator',
  'command.started': 'operator',
  'configuration.started': 'operator',
  'configuration.applied': 'operator',
  'configuration.user_changed': 'operator',
  'user.sign_in_failed': 'stranger',
  'client.registered': 'stranger',
  'client.registration_updated': 'stranger',
  'client.registration_removed': 'stranger',
  'user.recovery_codes_replaced': 'page',
  'key.imported': 'operator',
  'audit.omitted': 'operator',
  'audit.unreadable': 'operator',
  'audit.erased': 'operator',
  'audit.pruned': 'operator',
}

const share = 60

for (const [type, cause] of Object.entries(causes) as [EventType | AuditType, Cause][]) {
  test(`audit: ${type} is limited as what the cause "${cause}" can repeat`, () => {
    assert.equal(isAuditedByStrangers(type), cause === 'stranger')
    for (const kind of ['browser', 'server', 'admin'] as const) {
      const { audit } = auditWorld({ settings: { tokens: true } })
      const stored = (sub: string, network: string) =>
        withOrigin({ actor: { kind }, network }, () => audit.messagesOf(type, { sub })).length
      let count = 0
      for (let round = 0; round < share + 5; round++) count += stored('eve', '192.0.2.1')
      const isShared = cause === 'stranger' || cause === 'client' || kind === 'browser'
      assert.equal(count, isShared ? share : share + 5, kind)
      assert.equal(stored('bob', '198.51.100.7'), 1, kind)
    }
  })
}

test('audit: new codes of one account that are each replayed leave 60 records in a minute, and those of others are recorded', async () => {
  const server = await createTestServer({ ...pagesWorld, audit: { enabled: true } })
  const replay = async (browser: ReturnType<typeof createBrowser>, code: string) => {
    for (const status of [200, 400]) {
      const response = await server.token({
        ...{ grant_type: 'authorization_code', client_id: 'web', code },
        ...{ redirect_uri: callback, code_verifier: verifier },
      })
      assert.equal(response.status, status)
    }
    return browser
  }
  const browser = createBrowser(server)
  await replay(browser, answerOf(await signIn(browser, authorizePath())).get('code') ?? '')
  for (let count = 1; count < share + 5; count++)
    await replay(browser, answerOf(await browser.visit(authorizePath())).get('code') ?? '')
  await server.settled()
  await server.runAudit()
  const rows = await server.stores.auditRecords.list({ after: 0, limit: 500 })
  const revoked = rows.filter(({ type }) => type === 'authorization.revoked')
  assert.equal(revoked.length, share)
  assert.ok(revoked.every(({ sub }) => sub === '1'))
})
