import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { actor, made } from '../administration/outcomes.ts'
import { createBrowser } from '../support/browser.ts'
import { alice, answerOf, authorizePath, pagesWorld } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const folder = mkdtempSync(join(tmpdir(), 'tessera-look-'))
after(() => rmSync(folder, { recursive: true }))

const write = (name: string, content: string | Uint8Array): string => {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

async function start(settings: object) {
  const server = await createTestServer({ ...pagesWorld, ...settings })
  return { server, browser: createBrowser(server) }
}

const stylesheetOf = (html: string): string => /<link rel="stylesheet" href="([^"]+)">/.exec(html)?.[1] ?? ''

test('branding: name and links are on every page', async () => {
  const { browser } = await start({
    branding: {
      name: 'Acme & Co',
      support_url: 'https://help.acme.example',
      terms_url: 'https://acme.example/terms',
    },
  })
  for (const target of ['/', '/device', authorizePath()]) {
    const page = await browser.visit(target)
    assert.match(page.body, /<title>[^<]+ · Acme &amp; Co<\/title>/)
    assert.match(page.body, /<a href="https:\/\/help\.acme\.example">Help<\/a>/)
    assert.doesNotMatch(page.body, /Tessera|undefined/)
  }
})

test('branding: colours are in a stylesheet with a name from its content, for both themes', async () => {
  const { server, browser } = await start({
    branding: { colors: { accent: '#0b5c8a', background: '#eef3f6' } },
  })
  const path = stylesheetOf((await browser.visit('/')).body)
  const css = await server.send('GET', path)
  assert.equal(css.status, 200)
  assert.match(String(css.headers['cache-control']), /immutable/)
  assert.match(css.body, /--page:#eef3f6.*--accent:#0b5c8a/)
  const dark = /prefers-color-scheme:dark\)\{:root\{[^}]*--accent:(#[0-9a-f]{6})/.exec(css.body)?.[1]
  assert.notEqual(dark, '#0b5c8a')
  const plain = await start({})
  assert.notEqual(stylesheetOf((await plain.browser.visit('/')).body), path)
})

test('branding: a client’s accent colours only the pages that lead to the client', async () => {
  const clients = pagesWorld.clients.map(client =>
    client.client_id === 'web' ? { ...client, accent_color: '#5b2a86' } : client,
  )
  const { server, browser } = await start({ clients })
  const own = stylesheetOf((await browser.visit(authorizePath())).body)
  assert.match((await server.send('GET', own)).body, /--accent:#5b2a86/)
  const other = stylesheetOf((await browser.visit(authorizePath({ client_id: 'asking' }))).body)
  assert.notEqual(own, other)
  assert.doesNotMatch((await server.send('GET', other)).body, /#5b2a86/)
})

test('branding: the accent of a stored client is used from the next reload', async () => {
  const { server, browser } = await start({})
  const stored = {
    ...{ client_id: 'stored', scope: 'openid', redirect_uris: ['https://stored.example/cb'] },
    ...{
      grant_types: ['authorization_code'],
      client_secrets: [{ value: 'secret' }],
      accent_color: '#7a1f3d',
    },
  }
  made(await server.administration.clients.create(stored as never, { actor }))
  const target = authorizePath({
    client_id: 'stored',
    scope: 'openid',
    redirect_uri: 'https://stored.example/cb',
  })
  const own = stylesheetOf((await browser.visit(target)).body)
  assert.match((await server.send('GET', own)).body, /--accent:#7a1f3d/)
})

test('branding: an image file next to the configuration is served byte for byte and can’t run scripts', async () => {
  const bytes = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00, 0x80])
  const { server, browser } = await start({ branding: { logo: write('logo.png', bytes) } })
  const page = await browser.visit('/')
  const [, path = ''] = /<img class="logo" src="(\/assets\/logo-[0-9a-f]{16}\.png)"/.exec(page.body) ?? []
  const answer = await server.fetch(new Request(`https://id.example${path}`))
  assert.equal(answer.headers.get('content-type'), 'image/png')
  assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'.*sandbox/)
  assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), bytes)
  const head = await server.send('HEAD', path)
  assert.equal(head.headers['content-length'], String(bytes.length))
})

test('branding: a logo on another origin is the only origin that pictures may come from', async () => {
  const { browser } = await start({ branding: { logo: 'https://cdn.acme.example/logo.svg' } })
  const page = await browser.visit(authorizePath())
  assert.match(
    String(page.headers['content-security-policy']),
    /img-src 'self' data: https:\/\/cdn\.acme\.example;/,
  )
})

test('branding: a tenant’s issuer has its own branding', async () => {
  const { server } = await start({
    branding: { name: 'Main' },
    clients: [],
    users: [],
    tenants: [
      { name: 'acme', issuer: 'path', branding: { name: 'Acme' } },
      { name: 'globex', issuer: 'path' },
    ],
  })
  const titleOf = async (path: string) =>
    /<title>[^·]+· ([^<]+)</.exec((await server.send('GET', path)).body)?.[1]
  assert.equal(await titleOf('/t/acme/'), 'Acme')
  assert.equal(await titleOf('/t/globex/'), 'Main')
  assert.equal(await titleOf('/'), 'Main')
})

test('templates: the operator’s templates take precedence, and their values are escaped', async () => {
  write('device.eta', '<h1>Mine</h1><p><%= it.user_code %></p>')
  const { browser } = await start({ templates: folder })
  const page = await browser.visit('/device?user_code=%3Ci%3E')
  assert.match(page.body, /<h1>Mine<\/h1><p>&lt;i&gt;<\/p>/)
  assert.match(page.body, /<main class="card"/)
  rmSync(join(folder, 'device.eta'))
})

test('templates: a template that fails is logged, the built-in one is used, and sign-in works', async () => {
  write('layout.eta', '<% if ( %>')
  write('login.eta', '<%= it.nothing.at.all %>')
  const { server, browser } = await start({ templates: folder })
  const page = await browser.visit(authorizePath())
  assert.match(page.text, /Sign in to continue to Web & Co/)
  assert.ok(answerOf(await browser.submit(page, alice)).get('code'))
  const broken = server.logged.filter(({ event }) => event === 'template_broken')
  assert.deepEqual(
    broken.map(({ level }) => level),
    ['error', 'error'],
  )
  assert.ok(broken.every(({ template }) => /(layout|login)\.eta$/.test(String(template))))
  rmSync(join(folder, 'layout.eta'))
  rmSync(join(folder, 'login.eta'))
})
