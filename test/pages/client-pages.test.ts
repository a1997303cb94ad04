/** Pages that are shown for a client, and how that client wants them displayed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld } from '../support/accounts.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const look = { logo_uri: 'https://cdn.example/shop.png', accent_color: '#5b2a86' }
const looked = ['web', 'asking', 'tv', 'nolocal', 'strict']

async function start() {
  const strict = {
    ...pagesWorld.clients[0],
    client_id: 'strict',
    mfa: { mode: 'required', methods: ['totp'] },
  }
  const server = await createTestServer({
    ...accountsWorld(),
    clients: [...pagesWorld.clients, strict].map(client => ({
      ...client,
      client_name: 'Shop',
      ...(looked.includes(client.client_id) && look),
    })),
  })
  return { server, browser: createBrowser(server) }
}

const device = async ({ server, browser }: Awaited<ReturnType<typeof start>>): Promise<Page> => {
  const { json } = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'tv' },
  })
  await signIn(browser, authorizePath())
  return browser.submit(await browser.visit('/device'), { user_code: json.user_code })
}

const journeys: Readonly<Record<string, (world: Awaited<ReturnType<typeof start>>) => Promise<Page>>> = {
  login: ({ browser }) => browser.visit(authorizePath()),
  'home-realm': ({ browser }) => browser.visit(authorizePath({ client_id: 'nolocal' })),
  'select-account': async ({ browser }) => {
    await signIn(browser, authorizePath())
    return browser.visit(authorizePath({ prompt: 'select_account' }))
  },
  'sign-up': ({ browser }) => browser.visit(authorizePath({ prompt: 'create' })),
  'password forgotten': async ({ browser }) => {
    const login = await browser.visit(authorizePath())
    const [, href = ''] = /href="(\/password\/forgotten[^"]+)"/.exec(login.body) ?? []
    return browser.visit(href)
  },
  'second factor': ({ browser }) => signIn(browser, authorizePath({ client_id: 'strict' })),
  consent: ({ browser }) => signIn(browser, authorizePath({ client_id: 'asking' })),
  'device confirmation': device,
  'federation problem': ({ browser }) => browser.visit(authorizePath({ acr_values: 'idp:other' })),
  'sign-out': async ({ browser }) => {
    await signIn(browser, authorizePath())
    return browser.visit('/connect/endsession?client_id=web')
  },
  'signed out': async ({ browser }) => {
    await signIn(browser, authorizePath())
    return browser.submit(await browser.visit('/connect/endsession?client_id=web'), { button: 'yes' })
  },
}

test('client pages: name, logo and links are in the page’s language if the client has them [RFC 7591 §2.2]', async () => {
  const { clients } = pagesWorld
  const server = await createTestServer({
    ...pagesWorld,
    clients: clients.map(client =>
      client.client_id === 'asking'
        ? {
            ...client,
            'client_name#fr-CA': 'La Boutique',
            'client_name#ar': 'المتجر',
            'logo_uri#fr': 'https://cdn.example/fr.png',
            tos_uri: 'https://shop.example/terms',
            'tos_uri#fr': 'https://shop.example/conditions',
          }
        : client,
    ),
  })
  const consentIn = (ui_locales: string) =>
    signIn(createBrowser(server), authorizePath({ client_id: 'asking', ui_locales }))
  const french = await consentIn('fr')
  assert.match(french.text, /La Boutique/)
  assert.match(french.body, /src="https:\/\/cdn\.example\/fr\.png"/)
  assert.match(
    String(french.headers['content-security-policy']),
    /img-src 'self' data: https:\/\/cdn\.example;/,
  )
  assert.match(french.body, /href="https:\/\/shop\.example\/conditions"/)
  assert.match((await consentIn('ar')).text, /المتجر/)
  const german = await consentIn('de')
  assert.match(german.text, /Asking/)
  assert.match(german.body, /href="https:\/\/shop\.example\/terms"/)
  assert.doesNotMatch(german.body, /cdn\.example|Boutique/)
})

const stylesheetOf = ({ body }: Page): string =>
  /<link rel="stylesheet" href="([^"]+)">/.exec(body)?.[1] ?? ''

for (const [name, open] of Object.entries(journeys))
  test(`client pages: ${name} shows the client’s logo and colour`, async () => {
    const world = await start()
    const page = await open(world)
    assert.match(page.body, /<img class="picture" src="https:\/\/cdn\.example\/shop\.png" alt=""/)
    assert.match(
      String(page.headers['content-security-policy']),
      /img-src 'self' data: https:\/\/cdn\.example;/,
    )
    assert.match((await world.server.send('GET', stylesheetOf(page))).body, /--accent:#5b2a86/)
  })

const displayOf = ({ body }: Page): string | undefined => /<body [^>]*data-display="(\w+)"/.exec(body)?.[1]

const shownAt = async (browser: Browser, display: string | undefined) =>
  displayOf(await browser.visit(authorizePath({ display })))

for (const display of ['page', 'popup', 'touch', 'wap'])
  test(`display: ${display} applies to every page of the request [OpenID Connect Core 1.0 §3.1.2.1]`, async () => {
    const { browser } = await start()
    const login = await browser.visit(authorizePath({ display, client_id: 'asking' }))
    assert.equal(displayOf(login), display)
    const consent = await browser.submit(login, {
      username: 'alice',
      password: 'wonderland',
      button: 'login',
    })
    assert.ok(consent.target.startsWith('/consent'))
    assert.equal(displayOf(consent), display)
    const refused = await browser.visit(authorizePath({ display, redirect_uri: 'https://x.example/' }))
    assert.deepEqual([refused.status, displayOf(refused)], [400, display])
  })

test('display: a missing or unknown value means page, and is no error [OpenID Connect Core 1.0 §15.1]', async () => {
  const { browser } = await start()
  assert.equal(await shownAt(browser, undefined), 'page')
  assert.equal(await shownAt(browser, 'hologram'), 'page')
  assert.equal(displayOf(await browser.visit('/device')), 'page')
})
