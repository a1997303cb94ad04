/**
 * Things that one issuer gave to users (links in mails, pending sign-ins, passkeys, apps, known browsers), tried at every
 * other with the same user names: it is invalid there, and still valid at its own.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { finishEnrolment, methodHref } from '../support/factors.ts'
import { alice, answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { type Place, placesOf, tenantsWorld } from '../support/tenants.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const world = {
  ...tenantsWorld,
  mail: { from: 'login@id.example', smtp: { host: 'mail.id.example' } },
  accounts: { sign_up: true },
  tenants: tenantsWorld.tenants.map(tenant =>
    'issuer' in tenant ? { ...tenant, accounts: { sign_up: true } } : tenant,
  ),
  mfa: { mode: 'if_enrolled', methods: ['totp', 'passkey'], remember_browser_days: 7 },
}

/** Runs for each issuer and all the others. */
async function eachPlace(
  attack: (own: Place, others: readonly Place[], server: TestServer) => Promise<void>,
): Promise<void> {
  const names = placesOf(await createTestServer(world)).map(({ name }) => name)
  for (const name of names) {
    const server = await createTestServer(world)
    const places = placesOf(server)
    const own = places.find(place => place.name === name)!
    await attack(
      own,
      places.filter(place => place !== own),
      server,
    )
    await server.close()
  }
}

/** The cookies of one issuer under the names of another. */
const renamed = (cookies: Browser['cookies'], own: Place, other: Place): Browser['cookies'] => {
  const suffix = ({ base }: Place) => (base === '' ? '' : `.${base.slice(3)}`)
  return new Map(
    [...cookies].map(([name, value]) => {
      const bare =
        suffix(own) !== '' && name.endsWith(suffix(own)) ? name.slice(0, -suffix(own).length) : name
      return [bare + suffix(other), value]
    }),
  )
}

const browserAt = (place: Place, cookies?: Browser['cookies']): Browser => {
  const browser = createBrowser(place)
  for (const [name, value] of cookies ?? []) browser.cookies.set(name, value)
  return browser
}

const asAlice = ({ secret }: Place) => ({ ...alice, password: secret })
const pathOf = (link: string | undefined): string => {
  const url = new URL(link ?? '')
  return url.pathname + url.search
}
const isSignedIn = async (browser: Browser, { base }: Place): Promise<boolean> =>
  answerOf(await browser.visit(base + authorizePath({ prompt: 'none' }))).get('error') !== 'login_required'

test('tenants: mail links of one issuer have no effect at another', async () => {
  await eachPlace(async (own, others, server) => {
    const elsewhere = (path: string, { base }: Place) => base + path.slice(own.base.length)
    const everywhereElse = async (path: string) => {
      for (const other of others) {
        const page = await browserAt(other).visit(elsewhere(path, other))
        assert.ok(
          page.status === 400 || page.target.startsWith(`${other.base}/login`),
          `${page.status} ${page.text}`,
        )
        assert.equal(page.form?.fields.new_password, undefined)
      }
    }
    let seen = 0
    /** Mail is sent after the response. */
    const newest = async () => {
      for (let turns = 0; turns < 1000 && (await server.mails()).length === seen; turns++)
        await new Promise(resolve => setImmediate(resolve))
      const mails = await server.mails()
      assert.equal(mails.length, seen + 1)
      seen = mails.length
      return pathOf(mails.at(-1)?.link)
    }
    const browser = browserAt(own)
    const email = `new@${own.name}.example`
    await browser.submit(await browser.visit(`${own.base}/register`), { email })
    const invitation = await newest()
    assert.ok(invitation.startsWith(`${own.base}/register/complete?link=`), invitation)
    await everywhereElse(invitation)
    const made = await browser.submit(await browser.visit(invitation), {
      new_password: 'nine orange lamps here',
    })
    assert.ok(made.target.startsWith(`${own.base}/account`), `${made.status} ${made.target} ${made.text}`)

    await browser.submit(await browser.visit(`${own.base}/account/email`), { email: `other-${email}` })
    const confirmation = await newest()
    assert.ok(confirmation.startsWith(`${own.base}/email/confirm?link=`), confirmation)
    await everywhereElse(confirmation)

    const forgetful = browserAt(own)
    await forgetful.submit(await forgetful.visit(`${own.base}/password/forgotten`), { username: email })
    const reset = await newest()
    assert.ok(reset.startsWith(`${own.base}/password/reset?link=`), reset)
    await everywhereElse(reset)
    for (const other of others) {
      // Nor does the other issuer know the user.
      const there = browserAt(other)
      await there.submit(await there.visit(`${other.base}/password/forgotten`), { username: email })
    }
    const done = await forgetful.submit(await forgetful.visit(reset), {
      new_password: 'ten yellow chairs there',
    })
    assert.equal(done.status, 200)
    const again = await signIn(browserAt(own), `${own.base}/account`, {
      ...asAlice(own),
      username: email,
      password: 'ten yellow chairs there',
    })
    assert.ok(again.target.startsWith(`${own.base}/account`), again.text)
    // The notice of the changed password is the only mail since.
    assert.equal((await newest()).startsWith(`${own.base}/account`), true)
  })
})

test('tenants: a pending sign-in, an app, its codes and a remembered browser of one issuer are invalid at another', async () => {
  await eachPlace(async (own, others, server) => {
    const at = browserAt(own)
    await signIn(at, `${own.base}/account`, asAlice(own))
    const { app, codes } = await finishEnrolment(
      server,
      at,
      await at.visit(`${own.base}/account/security?add=totp`),
    )
    server.clock.advance(60)
    const half = browserAt(own)
    const waiting = await signIn(half, own.base + authorizePath(), asAlice(own))
    assert.ok(waiting.target.startsWith(`${own.base}/mfa?`), waiting.target)
    for (const other of others) {
      const thief = browserAt(other, renamed(half.cookies, own, other))
      const page = await thief.visit(other.base + waiting.target.slice(own.base.length))
      assert.equal(page.status, 400)
      assert.equal(await isSignedIn(thief, other), false)
    }
    const whole = await half.submit(waiting, { code: app.code(), remember: 'yes', button: 'verify' })
    assert.equal(whole.status < 400, true)
    assert.equal(await isSignedIn(half, own), true)

    for (const other of others) {
      const there = browserAt(other)
      await enrolThere(there, other, server)
      const visitor = browserAt(other, renamed(half.cookies, own, other))
      const asked = await signIn(visitor, other.base + authorizePath({ prompt: 'login' }), asAlice(other))
      // The browser is not remembered there, and none of the codes is accepted.
      assert.ok(asked.target.startsWith(`${other.base}/mfa?`), asked.target)
      assert.equal((await visitor.submit(asked, { code: app.code(), button: 'verify' })).status, 400)
      const byCode = await visitor.visit(recoveryHref(asked, other))
      assert.equal((await visitor.submit(byCode, { code: codes[0]!, button: 'verify' })).status, 400)
      assert.equal(await isSignedIn(visitor, other), false)
    }
  })
})

/** Another app there. */
async function enrolThere(browser: Browser, place: Place, server: TestServer): Promise<void> {
  await signIn(browser, `${place.base}/account`, asAlice(place))
  await finishEnrolment(server, browser, await browser.visit(`${place.base}/account/security?add=totp`))
}

const recoveryHref = (page: Page, { base }: Place): string =>
  base +
  methodHref({ ...page, body: page.body.replaceAll(`href="${base}/mfa`, 'href="/mfa') }, 'recovery_code')

test('tenants: a passkey of one issuer is refused at another, even on the same host', async () => {
  await eachPlace(async (own, others) => {
    const key = createAuthenticator(new URL(own.issuer).origin)
    const browser = browserAt(own)
    await signIn(browser, `${own.base}/account`, asAlice(own))
    const page = await browser.visit(`${own.base}/account/security?add=passkey`)
    await browser.submit(page, { credential: key.create(optionsOn(page)), name: '', button: 'passkey_enrol' })
    for (const other of others) {
      const thief = browserAt(other)
      const login = await thief.visit(other.base + authorizePath())
      const answer = key.get(optionsOn(login), { origin: new URL(other.issuer).origin })
      assert.equal((await thief.submit(login, { credential: answer, button: 'passkey' })).status, 400)
      assert.equal(await isSignedIn(thief, other), false)
      // Nor with a challenge of this issuer.
      const here = await browserAt(own).visit(own.base + authorizePath())
      const ticket = here.form?.fields.ticket ?? ''
      const credential = key.get(optionsOn(here))
      assert.equal((await thief.submit(login, { ticket, credential, button: 'passkey' })).status, 400)
    }
    const back = browserAt(own)
    const login = await back.visit(own.base + authorizePath())
    await back.submit(login, { credential: key.get(optionsOn(login)), button: 'passkey' })
    assert.equal(await isSignedIn(back, own), true)
  })
})
