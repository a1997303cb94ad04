/** Two nodes on one store with different clocks: what a user or client begins at one continues at the other. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { accountsWorld, addUser, newestMail } from '../support/accounts.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { createTime, tolerated } from '../support/clocks.ts'
import { createProver } from '../support/dpop.ts'
import { enrolApp } from '../support/factors.ts'
import { codeFor, redeemFor, registerNotes, sealedRequest, sealing } from '../support/sealed-clients.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

type Time = ReturnType<typeof createTime>
type Work = {
  readonly configuration: object
  readonly run: (one: TestServer, other: TestServer, time: Time) => Promise<void>
}

/** A browser whose requests go to one node, until another is chosen. */
function roaming(first: TestServer): { readonly browser: Browser; readonly use: (node: TestServer) => void } {
  let node = first
  return {
    browser: createBrowser({ send: (...request) => node.send(...request) }),
    use(next) {
      node = next
    },
  }
}

const dpopWorld = {
  ...pagesWorld,
  dpop: { require_nonce: true },
  clients: [
    ...pagesWorld.clients,
    {
      ...{ client_id: 'bound', client_secrets: [{ value: 's' }], grant_types: ['client_credentials'] },
      ...{ scope: 'api1', dpop_bound_access_tokens: true },
    },
  ],
}

const works: Readonly<Record<string, Work>> = {
  'a code of an authenticator app is valid in its time, and once': {
    configuration: { ...pagesWorld, mfa: { mode: 'required' } },
    async run(one, other, { now, advance }) {
      const { app } = await enrolApp(one, createBrowser(one), authorizePath())
      advance(60)
      const verify = async (code: string) => {
        const { browser, use } = roaming(one)
        const asked = await signIn(browser, authorizePath())
        use(other)
        return browser.submit(asked, { code, button: 'verify' })
      }
      const code = app.code(now())
      answerOf(await verify(code))
      assert.equal((await verify(code)).status, 400)
      assert.equal(other.reason(), 'totp_used')
      advance(120)
      assert.equal((await verify(app.code(now() - 90))).status, 400)
      answerOf(await verify(app.code(now())))
    },
  },
  'a session ends after its idle time and its absolute time': {
    configuration: { ...pagesWorld, sessions: { idle_lifetime: 1000, absolute_lifetime: 2500 } },
    async run(one, other, { advance }) {
      const { browser, use } = roaming(one)
      const isSignedIn = async () => (await browser.visit(authorizePath())).location?.startsWith(callback)
      await signIn(browser, authorizePath())
      for (const [node, seconds] of [
        [other, 990],
        [one, 990],
        [other, 519],
      ] as const) {
        advance(seconds)
        use(node)
        assert.ok(await isSignedIn())
      }
      advance(2)
      use(one)
      assert.ok(!(await isSignedIn()))
      await signIn(browser, authorizePath())
      advance(1001)
      use(other)
      assert.ok(!(await isSignedIn()))
    },
  },
  'a DPoP proof and a nonce are valid in their time, and a proof once': {
    configuration: dpopWorld,
    async run(one, other, { now, advance }) {
      const prover = await createProver()
      const send = (node: TestServer, dpop: string) =>
        node.token({ grant_type: 'client_credentials' }, { client: ['bound', 's'], headers: { dpop } })
      const first = await send(one, prover.proof({ at: now() }))
      assert.equal(first.json.error, 'use_dpop_nonce')
      const nonce = String(first.headers['dpop-nonce'])
      const proof = prover.proof({ at: now(), nonce })
      assert.equal((await send(other, proof)).status, 200)
      assert.equal((await send(one, proof)).status, 400)
      advance(230)
      assert.equal((await send(other, prover.proof({ at: now(), nonce }))).status, 200)
      assert.equal((await send(other, prover.proof({ at: now() + 700, nonce }))).status, 400)
      advance(130)
      assert.equal((await send(other, prover.proof({ at: now(), nonce }))).json.error, 'use_dpop_nonce')
    },
  },
  'a sealed client id is valid for its lifetime': {
    configuration: sealing({ lifetime: 86_400 }),
    async run(one, other, { advance }) {
      const id = await registerNotes(one)
      advance(86_390)
      const { code } = await codeFor(other, id)
      assert.equal((await redeemFor(one, id, code)).status, 200)
      advance(20)
      for (const node of [one, other])
        assert.equal((await createBrowser(node).visit(sealedRequest(id))).status, 400)
    },
  },
  'a consent is remembered for its lifetime': {
    configuration: {
      ...pagesWorld,
      clients: pagesWorld.clients.map(client =>
        client.client_id === 'asking' ? { ...client, consent_lifetime: 3600 } : client,
      ),
    },
    async run(one, other, { advance }) {
      const { browser, use } = roaming(one)
      const asking = authorizePath({ client_id: 'asking' })
      await browser.submit(await signIn(browser, asking), { button: 'yes', remember: 'yes' })
      advance(3590)
      use(other)
      answerOf(await browser.visit(asking))
      advance(11)
      assert.equal((await browser.visit(asking)).location, undefined)
    },
  },
  'the link of a mail works for its lifetime, and once': {
    configuration: accountsWorld({ password_reset: true }),
    async run(one, other, { advance }) {
      await addUser(one)
      const { browser, use } = roaming(one)
      const request = async () => {
        await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
        return (await newestMail(one)).path
      }
      const path = await request()
      advance(590)
      use(other)
      const page = await browser.submit(await browser.visit(path), { new_password: 'nine silver spoons' })
      assert.ok(page.status < 400, page.text)
      use(one)
      assert.equal((await browser.visit(path)).status, 400)
      advance(4000)
      const second = await request()
      advance(7300)
      use(other)
      assert.equal((await browser.visit(second)).status, 400)
    },
  },
}

for (const [name, skew] of Object.entries(tolerated).filter(([, skew]) => Math.abs(skew) > 5))
  for (const [work, { configuration, run }] of Object.entries(works))
    test(`time: with nodes ${name} apart, ${work}`, async () => {
      for (const wrongFirst of [false, true]) {
        const time = createTime()
        const tenantStores = time.sharing(createMemoryTenantStores())
        const start = async (machine: ReturnType<Time['machine']>): Promise<TestServer> => ({
          ...(await createTestServer(configuration, { machine, tenantStores })),
          clock: time,
        })
        const nodes = [await start(time.machine()), await start(time.machine(skew))] as const
        const [one, other] = wrongFirst ? [nodes[1], nodes[0]] : nodes
        await run(one, other, time)
      }
    })
