/** The contract of the stores: one suite, every store. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { testAccess } from './stores/access.ts'
import { testAccounts } from './stores/accounts.ts'
import { testAuditRecords } from './stores/audit-records.ts'
import { testCleanUp } from './stores/clean-up.ts'
import { testCommit } from './stores/commit.ts'
import { testConditions } from './stores/conditions.ts'
import { testEntries } from './stores/entries.ts'
import { testFactors } from './stores/factors.ts'
import { testFederation } from './stores/federation.ts'
import { testKinds } from './stores/kinds.ts'
import { testMovedUsers } from './stores/moved-users.ts'
import { testNeighbours } from './stores/neighbours.ts'
import { testPushedRequests } from './stores/pushed-requests.ts'
import { testRaces } from './stores/races.ts'
import { testRegisteredClients } from './stores/registered-clients.ts'
import { testSessions } from './stores/sessions.ts'
import { type Opened, storages } from './stores/storage.ts'
import { testSubjects } from './stores/subjects.ts'
import { testTick } from './stores/tick.ts'
import { testWaitingMails } from './stores/waiting-mails.ts'
import { testWebhookMessages } from './stores/webhook-messages.ts'

for (const { name, open } of storages)
  describe(name, () => {
    let opened: Opened
    before(async () => {
      opened = await open()
    })
    after(() => opened.end())
    const stores = () => opened.stores

    test('ready: an open store is ready', async () => {
      assert.equal(await stores().ready(), true)
    })
    testKinds(stores)
    testFederation(stores)
    testFactors(stores)
    testCommit(stores)
    testConditions(stores)
    testNeighbours(stores)
    testTick(stores)
    testAccounts(stores)
    testMovedUsers(stores)
    testAccess(stores)
    // Those of a tenant differ from the others in one condition.
    if (name.startsWith('a tenant')) testRaces(stores, 300, 300)
    else testRaces(stores, 2000, 1000)
    testSessions(open)
    testWaitingMails(open)
    testWebhookMessages(open)
    testAuditRecords(open)
    testRegisteredClients(stores)
    testEntries(stores)
    testSubjects(stores)
    testPushedRequests(stores)
    testCleanUp(open)
  })
