/** `examples/client` and the server of `examples/conformance-rp`: each program runs as its own process, against the demo. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { launchChromium } from '../browser/chromium.ts'
import { assertCovers } from '../kinds/coverage.ts'
import { testFolder } from '../support/folder.ts'
import { freePort, type RunningServer, serveConfiguration } from '../support/process.ts'
import { createPrograms, type Program } from '../support/programs.ts'
import { createPerson } from '../support/remote.ts'
import { namesIn, readText } from '../support/repository.ts'
import { until } from '../support/until.ts'

const folder = testFolder()
const alice = { username: 'alice', password: 'alice' }
const { start, serve, ran, stop } = createPrograms(() => ({ ISSUER: demo.url }))

/** The demo has no client for the hybrid flow. */
const hybridClient = {
  client_id: 'hybrid',
  client_secrets: [{ value: 'secret-of-hybrid' }],
  redirect_uris: ['http://127.0.0.1/callback'],
  grant_types: ['authorization_code', 'implicit'],
  response_types: ['code id_token'],
  scope: 'openid profile',
}

let demo: RunningServer
let api: Program
let gateway: Program
let spaPort: number

before(async () => {
  spaPort = await freePort()
  const configuration = readText('examples/demo/tessera.jsonc')
  const adapted = configuration
    .replace('http://127.0.0.1:5082', `http://127.0.0.1:${spaPort}`)
    .replace('"clients": [', `"clients": [${JSON.stringify(hybridClient)},`)
  assert.ok(adapted.includes(hybridClient.client_id) && adapted.includes(`:${spaPort}`))
  await writeFile(folder.at('tessera.jsonc'), adapted)
  process.env.TESSERA_STORAGE = 'memory:'
  demo = await serveConfiguration(folder.at('tessera.jsonc'), await freePort())
  api = await serve('client/api.ts', { SPA: `http://127.0.0.1:${spaPort}` })
  gateway = await serve('client/gateway.ts', { API: api.url })
})
after(async () => {
  stop()
  await demo?.stop()
})

test('client examples: the worker calls the API with one token', async () => {
  const worker = await start('client/worker.ts', { API: api.url })
  assert.equal(await worker.ended, 0, worker.output())
  const response = '200 {"invoices":[{"number":17,"total":120}],"readBy":"machine"}\n'
  assert.equal(worker.output(), response + response)
  const requests = demo.log().match(/"client_id":"machine"/g) ?? []
  assert.equal(requests.length, 1, demo.log())
})

test('client examples: the API refuses requests without a token, and tokens of another audience', async () => {
  const { status, headers } = await fetch(`${api.url}/invoices`)
  assert.deepEqual([status, headers.get('www-authenticate')], [401, 'Bearer scope="invoices.read"'])
  const form = { grant_type: 'client_credentials', scope: 'invoices.read' }
  const issued = await fetch(`${demo.url}/connect/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('machine:secret-of-machine')}` },
    body: new URLSearchParams(form),
  })
  const { access_token } = (await issued.json()) as { access_token: string }
  const authorization = `Bearer ${access_token}`
  assert.equal((await fetch(`${api.url}/invoices`, { headers: { authorization } })).status, 200)
  const refused = await fetch(`${api.url}/reports`, { headers: { authorization } })
  assert.equal(refused.status, 401)
  assert.match(refused.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
})

test('client examples: a device is allowed in a browser', async () => {
  const device = await start('client/device.ts')
  const link = await until('the link is printed', () => /or open (\S+)\n/.exec(device.output())?.[1])
  await createPerson(demo.url, alice).connectDevice(link)
  assert.equal(await device.ended, 0, device.output())
  assert.match(device.output(), /\nallowed: invoices\.read openid profile\n$/)
})

test('client examples: a native application signs the user in, and the gateway exchanges the token for another API', async () => {
  const native = await start('client/native.ts', { GATEWAY: gateway.url, PRINT_URL: '1' })
  const url = await until('the URL is printed', () => /^Open (\S+)\n/m.exec(native.output())?.[1])
  const back = await createPerson(demo.url, alice).authorize(url)
  assert.equal((await fetch(back)).status, 200)
  assert.equal(await native.ended, 0, native.output())
  assert.match(native.output(), /^Hello, Alice Adams$/m)
  assert.match(native.output(), /^200 {"report":"one invoice","madeFor":"u-alice","by":"worker"}$/m)
})

test('client examples: the gateway refuses a request without a token, and sends nothing', async () => {
  assert.equal((await fetch(`${gateway.url}/report`)).status, 401)
})

/** Follows redirects within the web application, with its cookie. */
function visitor() {
  let cookie = ''
  return async (url: string): Promise<Response> => {
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    return response
  }
}

test('client examples: a user of the web application signs in, reads invoices, and signs out', async () => {
  const web = await serve('client/web.ts', { API: api.url })
  const visit = visitor()
  const person = createPerson(demo.url, alice)
  assert.match(await (await visit(`${web.url}/`)).text(), /Sign in/)
  const login = await visit(`${web.url}/login`)
  const back = await person.authorize(login.headers.get('location') ?? '')
  assert.equal((await visit(back.href)).status, 303)
  const page = await (await visit(`${web.url}/`)).text()
  assert.match(page, /Hello, Alice Adams.*"readBy":"u-alice"/)
  // The response is of no use to another browser, and not a second time.
  assert.equal((await visitor()(back.href)).headers.get('location'), '/')
  assert.equal((await visit(back.href)).headers.get('location'), '/')

  const logout = await visit(`${web.url}/logout`)
  const signedOut = await person.signOut(logout.headers.get('location') ?? '')
  assert.ok(signedOut instanceof URL)
  assert.equal(signedOut.origin + signedOut.pathname, `${web.url}/`)
  assert.match(await (await visit(`${web.url}/`)).text(), /Sign in/)
})

test('client examples: a user of the single-page application signs in, reads invoices, and signs out', async () => {
  await serve('client/spa/serve.ts', { API: api.url, PORT: `${spaPort}` })
  const browser = await launchChromium()
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    const problems: Error[] = []
    page.on('pageerror', error => problems.push(error))
    await page.goto(`http://127.0.0.1:${spaPort}/`)
    await page.getByText('Nobody is signed in').waitFor()
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('input[name=username]').fill(alice.username)
    await page.locator('input[name=password]').fill(alice.password)
    await page.locator('button[value=login]').click()
    await page.getByText('Hello, Alice Adams').waitFor()
    assert.equal(page.url(), `http://127.0.0.1:${spaPort}/`)
    await page.getByRole('button', { name: 'Load invoices' }).click()
    await page.getByText('"readBy":"u-alice"').waitFor()
    // A second tab has the same session.
    const second = await context.newPage()
    await second.goto(`http://127.0.0.1:${spaPort}/`)
    await second.getByText('Hello, Alice Adams').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${demo.url}/**`)
    await second.reload()
    await second.getByText('Nobody is signed in').waitFor()
    assert.deepEqual(problems, [])
  } finally {
    await context.close()
    await browser.close()
  }
})

test('client examples: the conformance RP runs as a process', async () => {
  const port = await freePort()
  const rp = await serve('conformance-rp/server.ts', {
    PORT: `${port}`,
    BASE_URL: `http://127.0.0.1:${port}`,
    CLIENT_ID: 'web',
    CLIENT_SECRET: 'secret-of-the-web',
    SCOPE: 'openid profile email',
  })
  const visit = visitor()
  const started = await visit(`http://127.0.0.1:${port}/start`)
  const back = await createPerson(demo.url, alice).authorize(started.headers.get('location') ?? '')
  const outcome = (await (await visit(back.href)).json()) as any
  assert.deepEqual([outcome.outcome, outcome.claims.sub], ['signed_in', 'u-alice'])
  assert.equal(outcome.userinfo.email, 'alice@example.com')
  await until('the outcome is printed', () => rp.output().includes('"signed_in"'))
})

for (const RESPONSE_MODE of ['fragment', 'form_post'])
  test(`client examples: the conformance RP receives a response by ${RESPONSE_MODE} in a browser`, async () => {
    const port = `${await freePort()}`
    const url = `http://127.0.0.1:${port}`
    await serve('conformance-rp/server.ts', {
      ...{ PORT: port, BASE_URL: url, CLIENT_ID: 'hybrid', CLIENT_SECRET: 'secret-of-hybrid' },
      ...{ SCOPE: 'openid profile', RESPONSE_TYPE: 'code id_token', RESPONSE_MODE },
    })
    const browser = await launchChromium()
    const context = await browser.newContext()
    try {
      const page = await context.newPage()
      await page.goto(`${url}/start`)
      await page.locator('input[name=username]').fill(alice.username)
      await page.locator('input[name=password]').fill(alice.password)
      await page.locator('button[value=login]').click()
      await page.getByText('"outcome":"signed_in"').waitFor()
      const { claims, userinfo } = JSON.parse(await page.locator('pre').innerText())
      assert.deepEqual([claims.sub, userinfo.name], ['u-alice', 'Alice Adams'])
      assert.equal(page.url(), `${url}/callback`)
    } finally {
      await context.close()
      await browser.close()
    }
  })

test('client examples: each program ran, and the README names it', () => {
  const programs = namesIn('examples/client').filter(name => name.endsWith('.ts'))
  assertCovers(
    [...ran].filter(file => /^client\/[^/]+\.ts$/.test(file)).map(file => file.replace('client/', '')),
    programs,
    'test',
  )
  const readme = readText('examples/client/README.md')
  for (const name of programs) assert.ok(readme.includes(`[${name}](${name})`), name)
})
