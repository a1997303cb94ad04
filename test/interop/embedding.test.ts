/** The recipes of docs/guides/embedding.md: each runs as its own process, with an issuer at the root and below a path. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Browser, createBrowser } from '../support/browser.ts'
import { ask, sendBytes } from '../support/edges.ts'
import { freePort } from '../support/process.ts'
import { readText, textsOf } from '../support/repository.ts'
import { answerOf, authorizePath, verifier } from '../support/sign-in.ts'
import { basic, claimsOf, formOf } from '../support/tessera.ts'
import { inTime, until } from '../support/until.ts'

const recipes = {
  'node:http': 'examples/embedding/node/server.mjs',
  Express: 'examples/embedding/express/server.mjs',
  Fastify: 'examples/embedding/fastify/server.mjs',
  Hono: 'examples/embedding/hono/server.mjs',
  'Next.js': 'test/interop/apps/next-server.mjs',
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const redirectUri = 'http://localhost/callback'

/** With the configuration of the recipes, behind a proxy on this machine. */
async function configured(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-test-embedding-'))
  const text = readText('examples/embedding/tessera.jsonc')
  const proxied = text.replace('"storage"', '"trusted_proxies": ["127.0.0.1"],\n  "storage"')
  await writeFile(join(folder, 'tessera.jsonc'), proxied)
  return folder
}

async function start(program: string, path: string, folder: string) {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const child = spawn(process.execPath, [join(root, program)], {
    cwd: folder,
    env: {
      ...process.env,
      PORT: String(port),
      TESSERA_ISSUER: url + path,
      TESSERA_STORAGE: 'memory:',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let cookies = 0
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  const exit = once(child, 'exit')
  const get = (path: string, headers = {}) => ask({ url } as never, 'GET', path, { headers })
  const post = (path: string, fields: Readonly<Record<string, string>>, headers = {}) =>
    ask({ url } as never, 'POST', path, { headers: { ...form, ...headers }, body: formOf(fields) })
  const send: Parameters<typeof createBrowser>[0]['send'] = async (method, target, options = {}) => {
    const body = options.form === undefined ? {} : { body: formOf(options.form) }
    const sent = {
      headers: { accept: 'text/html', ...(options.form !== undefined && form), ...options.headers },
    }
    const answer = await ask({ url } as never, method, target, { ...sent, ...body })
    cookies = Math.max(cookies, answer.headers['set-cookie']?.length ?? 0)
    return { ...answer, headers: answer.headers as never, json: undefined }
  }
  await until('the application serves', async () => {
    assert.equal(child.exitCode, null, output)
    return get('/readyz').then(
      ({ status }) => status === 200,
      () => false,
    )
  })
  return {
    url,
    issuer: url + path,
    get,
    post,
    ask: (method: string, path: string, headers = {}) => ask({ url } as never, method, path, { headers }),
    browser: (): Browser => createBrowser({ send }),
    output: () => output,
    /** Returns the largest number of cookies in one response. */
    cookies: () => cookies,
    kill: () => child.kill('SIGKILL'),
    async stop(): Promise<unknown> {
      child.kill('SIGTERM')
      const [code] = await inTime('the application ends after SIGTERM', exit)
      return code
    },
    terminate: () => child.kill('SIGTERM'),
    exit,
  }
}

for (const [name, program] of Object.entries(recipes))
  for (const path of ['', '/auth'])
    describe(`embedding: ${name}, issuer ${path === '' ? 'at the root' : `at ${path}`}`, () => {
      let folder: string
      let app: Awaited<ReturnType<typeof start>>
      before(async () => {
        folder = await configured()
        app = await start(program, path, folder)
      })
      after(async () => {
        app?.kill()
        await rm(folder, { recursive: true, force: true })
      })

      test('discovery names the issuer', async () => {
        const { status, body } = await app.get(`${path}/.well-known/openid-configuration`)
        const metadata = JSON.parse(body)
        assert.deepEqual([status, metadata.issuer], [200, app.issuer])
        assert.equal(metadata.token_endpoint, `${app.issuer}/connect/token`)
        const rfc8414 = await app.get(`/.well-known/oauth-authorization-server${path}`)
        assert.equal(JSON.parse(rfc8414.body).issuer, app.issuer)
      })

      test('a service gets a token by a posted form', async () => {
        const { status, body, headers } = await app.post(`${path}/connect/token`, {
          ...{ grant_type: 'client_credentials', client_id: 'machine', client_secret: 'secret-of-machine' },
        })
        const { access_token, scope } = JSON.parse(body)
        assert.deepEqual([status, scope, claimsOf(access_token).iss], [200, 'orders.read', app.issuer])
        assert.match(String(headers['cache-control']), /no-store/)
      })

      test('a user signs in, stays signed in, and the application gets tokens', async () => {
        const browser = app.browser()
        const target =
          path +
          authorizePath({ client_id: 'web', redirect_uri: redirectUri, scope: 'openid profile orders.read' })
        const page = await browser.visit(target)
        assert.ok(page.form, page.text)
        assert.match(String(page.headers['content-type']), /^text\/html/)
        const [, asset = ''] = /"([^"]*\/assets\/[^"]+\.css)"/.exec(page.body) ?? []
        const style = await app.get(asset)
        assert.deepEqual([style.status, asset.startsWith(`${path}/assets/`)], [200, true])
        assert.match(String(style.headers['content-type']), /^text\/css/)

        const wrong = await browser.submit(page, { username: 'alice', password: 'no', button: 'login' })
        assert.ok(wrong.form, wrong.text)
        const signedIn = await browser.submit(wrong, {
          username: 'alice',
          password: 'alice',
          button: 'login',
        })
        const code = answerOf(signedIn, redirectUri).get('code') ?? ''
        assert.ok(app.cookies() > 1, 'each cookie has a header of its own')
        const again = answerOf(await browser.visit(target), redirectUri)
        assert.notEqual(again.get('code') ?? '', '')

        const redeemed = await app.post(
          `${path}/connect/token`,
          { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
          basic('web', 'secret-of-the-web'),
        )
        const { id_token, access_token } = JSON.parse(redeemed.body)
        assert.equal(claimsOf(id_token).sub, '1')
        const bearer = { authorization: `Bearer ${access_token}` }
        const user = await app.get(`${path}/connect/userinfo`, bearer)
        assert.equal(JSON.parse(user.body).name, 'Alice')
      })

      test('HEAD, OPTIONS and methods that an endpoint lacks are answered by Tessera', async () => {
        const head = await app.ask('HEAD', `${path}/.well-known/openid-configuration`)
        assert.deepEqual(
          [head.status, head.body, Number(head.headers['content-length']) > 500],
          [200, '', true],
        )
        const preflight = await app.ask('OPTIONS', `${path}/.well-known/openid-configuration`, {
          origin: 'https://app.example',
          'access-control-request-method': 'GET',
        })
        assert.equal(preflight.headers['access-control-allow-origin'], '*')
        const refused = await app.ask('DELETE', `${path}/connect/token`)
        assert.deepEqual([refused.status, refused.headers.allow], [405, 'POST, OPTIONS'])
      })

      test("the application's own routes work, and get the paths that Tessera does not serve", async () => {
        assert.equal((await app.get('/orders')).body, 'your orders')
        const unknown = await app.get('/nothing')
        assert.equal(unknown.status, 404)
        if (name !== 'Next.js') assert.equal(unknown.body, 'no such page')
      })

      test('the address comes from the proxy that is trusted', async () => {
        const forwarded = { 'x-forwarded-for': '198.51.100.7' }
        const refused = await app.post(`${path}/connect/token`, { grant_type: 'password' }, forwarded)
        const id = String(refused.headers['x-request-id'])
        const line = await until('the refusal is logged', () =>
          app
            .output()
            .split('refused {')
            .find(text => text.includes(`'${id}'`)),
        )
        assert.match(line, /network: '198\.51\.100\.7'/)
      })

      test('a client that hangs up is forgotten, and a request in progress is finished before the process ends', async () => {
        const port = Number(new URL(app.url).port)
        const body = 'grant_type=client_credentials&client_id=machine&client_secret=secret-of-machine'
        const head =
          `POST ${path}/connect/token HTTP/1.1\r\nhost: localhost:${port}\r\nconnection: close\r\n` +
          `content-type: ${form['content-type']}\r\ncontent-length: ${body.length}\r\n\r\n`
        const gone = connect(port, '127.0.0.1')
        await inTime('it is connected', once(gone, 'connect'))
        gone.write(head + body.slice(0, 10))
        gone.resetAndDestroy()
        assert.match(await sendBytes({ url: app.url } as never, head + body), /HTTP\/1\.1 200 /)

        const slow = connect(port, '127.0.0.1')
        let received = ''
        slow.setEncoding('utf8').on('data', text => {
          received += text
        })
        slow.write(head + body.slice(0, 10))
        // The request has arrived when a later one on another connection was served.
        assert.equal((await app.get('/readyz')).status, 200)
        app.terminate()
        await until('no further connection is accepted', () =>
          app.get('/readyz').then(
            ({ status }) => status === 503,
            () => true,
          ),
        )
        slow.write(body.slice(10))
        await inTime('the connection ends', once(slow, 'close'))
        assert.match(received, /HTTP\/1\.1 200 /)
        const [code] = await inTime('the process ends', app.exit)
        assert.equal(code, 0, app.output())
      })
    })

test('embedding: the guide contains each file of the recipes', () => {
  const guide = readText('docs/guides/embedding.md')
  const files = textsOf('examples/embedding/**/*.{js,mjs}')
  assert.ok(files.size >= 7)
  for (const [file, text] of files) {
    assert.ok(guide.includes(`\`\`\`js\n${text}\`\`\``), `${file} is not in the guide as it is`)
    assert.ok(guide.includes(`](../../${file.replaceAll(/[[\]]/g, encodeURIComponent)})`), file)
  }
})
