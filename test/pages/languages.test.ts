import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { authorizePath, pagesWorld } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

async function start() {
  const server = await createTestServer(pagesWorld)
  return { server, browser: createBrowser(server) }
}

const languageOf = (html: string) => /<html lang="([^"]+)" dir="([^"]+)">/.exec(html)?.slice(1).join(' ')

test('languages: accept-language is matched by weight, language and script [RFC 9110 §12.5.4]', async () => {
  const { server } = await start()
  const asked = async (header: string) =>
    languageOf((await server.send('GET', '/', { headers: { 'accept-language': header } })).body)
  assert.equal(await asked('de'), 'de ltr')
  assert.equal(await asked('en;q=0.5, fr;q=0.9, xx'), 'fr ltr')
  assert.equal(await asked('pt-BR,en;q=0.2'), 'pt ltr')
  assert.equal(await asked('de;q=0, es'), 'es ltr')
  assert.equal(await asked('zh-CN'), 'zh-Hans ltr')
  assert.equal(await asked('zh-TW, ja;q=0.1'), 'ja ltr')
  assert.equal(await asked('ar-EG'), 'ar rtl')
  for (const other of ['', '*', 'tlh', 'zh-Hant', `${'x'.repeat(5000)},de`, '"><script>', 'de;q=nonsense'])
    assert.equal(await asked(other), 'en ltr', other)
})

test('languages: ui_locales precedes the browser’s preference, on all pages of the request [OIDC Core §3.1.2.1]', async () => {
  const { browser } = await start()
  const headers = { 'accept-language': 'fr' }
  const sent = await browser.request('GET', authorizePath({ ui_locales: 'tlh ja de' }), { headers })
  const login = await browser.request('GET', sent.location ?? '', { headers })
  assert.equal(languageOf(login.body), 'ja ltr')
  assert.match(login.text, /サインイン/)
})

test('languages: the language chosen on a page is kept, and precedes what that client requests', async () => {
  const { browser } = await start()
  const login = await browser.visit(authorizePath({ ui_locales: 'ja' }))
  const arabic = linkTo(login.body, 'ar')
  const page = await browser.visit(arabic)
  assert.equal(languageOf(page.body), 'ar rtl')
  assert.equal(page.form?.fields.continue, login.form?.fields.continue)
  assert.equal(languageOf((await browser.visit('/')).body), 'ar rtl')
  assert.equal(languageOf((await browser.visit(authorizePath({ ui_locales: 'ja' }))).body), 'ar rtl')
  assert.equal(languageOf((await browser.visit(authorizePath({ ui_locales: 'es' }))).body), 'es ltr')
})

test('languages: the page shown after a wrong password can switch its language and keeps the request', async () => {
  const { browser } = await start()
  const login = await browser.visit(authorizePath())
  const wrong = await browser.submit(login, { username: 'alice', password: 'no', button: 'login' })
  assert.equal(wrong.status, 400)
  const page = await browser.visit(linkTo(wrong.body, 'de'))
  assert.equal(languageOf(page.body), 'de ltr')
  assert.equal(page.status, 200)
  assert.ok(page.form?.fields.continue)
})

test('languages: only ours are accepted, and input is always escaped', async () => {
  const { browser } = await start()
  for (const lang of ['xx', '', '"><script>alert(1)</script>', 'DE']) {
    const page = await browser.visit(`/device?lang=${encodeURIComponent(lang)}`)
    assert.equal(languageOf(page.body), 'en ltr')
    assert.doesNotMatch(page.body, /<script/)
  }
  assert.ok(![...browser.cookies.keys()].some(name => name.includes('language')))
})

const linkTo = (html: string, tag: string): string => {
  const [, href = ''] = new RegExp(`<a href="([^"]+)" lang="${tag}"`).exec(html) ?? []
  assert.notEqual(href, '', `no link to ${tag}`)
  return href.replaceAll('&amp;', '&')
}

test('languages: a name in the other writing direction is isolated from the text around it, and no other is [Unicode UAX #9 §2.7]', async () => {
  const clients = pagesWorld.clients.map(client =>
    client.client_id === 'web' ? { ...client, client_name: 'متجر (٢)' } : client,
  )
  const server = await createTestServer({ ...pagesWorld, clients })
  const leadOf = async (client_id: string, ui_locales: string) => {
    const page = await createBrowser(server).visit(authorizePath({ client_id, ui_locales }))
    return /<p class="lead">([^<]+)</.exec(page.body)?.[1]
  }
  assert.equal(await leadOf('web', 'en'), 'to continue to \u2068متجر (٢)\u2069')
  assert.equal(await leadOf('asking', 'en'), 'to continue to Asking')
  assert.match((await leadOf('asking', 'ar')) ?? '', /\u2068Asking\u2069/)
})
