/** The demo: every request that it prints works, pasted into bash in order. */

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { startDemoCallback } from '../../packages/server/src/cli/demo-callback.ts'
import {
  type DemoRequest,
  demoAuthorizationUrl,
  demoPages,
  demoRequests,
} from '../../packages/server/src/cli/demo-requests.ts'
import { freePort } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { inTime, until } from '../support/until.ts'
import { type Finished, finish, start } from './tessera.ts'

const alice = { username: 'alice', password: 'alice' }
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

let issuer = ''
let ended: Promise<Finished>
let child: ReturnType<typeof start>
let printed = ''
let errors = ''
before(async () => {
  const port = await freePort()
  issuer = `http://localhost:${port}`
  child = start(['demo', '--port', String(port)], { TESSERA_STORAGE: 'memory:' })
  ended = finish(child)
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', chunk => {
      printed += chunk
      if (printed.includes('Ctrl-C')) resolve()
    })
    child.stderr.on('data', chunk => {
      errors += chunk
    })
    child.once('close', code => reject(new Error(`it ended with ${code}: ${printed}`)))
  })
  await inTime('the demo is ready', ready, { within: 60_000 })
})
after(async () => {
  child.kill('SIGTERM')
  assert.equal((await ended).code, 0)
})

const run = promisify(execFile)
const bash = async (commands: readonly string[]): Promise<string> =>
  (await run('bash', ['-c', commands.join('\n')])).stdout

/** The JSON objects among the lines that commands print. */
const answersIn = (output: string): readonly Record<string, any>[] =>
  output
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))

/** Every token of a response verifies with the published keys, by a third-party library. */
async function assertVerifies(answer: Record<string, any> | undefined): Promise<void> {
  const jwks = await fetch(`${issuer}/.well-known/openid-configuration/jwks`)
  const keys = createLocalJWKSet((await jwks.json()) as JSONWebKeySet)
  await jwtVerify(answer?.access_token, keys, { issuer, typ: 'at+jwt' })
  if (answer?.id_token) await jwtVerify(answer.id_token, keys, { issuer })
}

const requests = (): readonly DemoRequest[] => demoRequests(issuer)
const commandsOf = (...grantTypes: readonly string[]): readonly string[] =>
  requests()
    .filter(({ grant_type }) => grantTypes.includes(grant_type))
    .flatMap(({ commands }) => commands)

test('demo: it prints a request for each grant, including an extension grant', () => {
  assert.deepEqual(
    requests().map(({ grant_type }) => grant_type),
    [
      'client_credentials',
      'password',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:token-exchange',
      deviceGrant,
      'authorization_code',
    ],
  )
  assert.match(printed, new RegExp(`^listening on http://.*:${new URL(issuer).port}$`, 'm'))
  for (const { commands } of requests())
    for (const command of commands) assert.ok(printed.includes(command), command)
})

test('demo: client_credentials, password, refresh_token and token exchange work in order', async () => {
  const [machine, acme, user, refreshed, exchanged] = answersIn(
    await bash(
      commandsOf(
        'client_credentials',
        'password',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ),
    ),
  )
  for (const answer of [machine, acme, user, refreshed, exchanged]) await assertVerifies(answer)
  assert.equal(machine?.scope, 'invoices.read')
  assert.equal(claimsOf(acme).sub, 'u-acme-alice')
  assert.equal(claimsOf(acme).tenant, 'acme')
  assert.equal(claimsOf(user).sub, 'u-alice')
  assert.equal(user?.scope, 'invoices.read offline_access openid profile reports')
  assert.equal(claimsOf(refreshed).sub, 'u-alice')
  assert.notEqual(refreshed?.refresh_token, user?.refresh_token)
  assert.equal(exchanged?.scope, 'reports')
  assert.equal(claimsOf(exchanged).client_id, 'worker')
  assert.equal(claimsOf(exchanged).aud, 'urn:demo:reports')
})

const claimsOf = (answer: Record<string, any> | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(answer?.access_token.split('.')[1], 'base64url').toString())

test('demo: the device is approved in a browser and gets its token', async () => {
  const commands = commandsOf(deviceGrant)
  const [begun] = answersIn(await bash(commands.slice(0, -1)))

  await createPerson(issuer, alice).connectDevice(begun?.verification_uri_complete)
  const [answer] = answersIn(await bash([`DEVICE=${begun?.device_code}`, commands.at(-1)!]))
  assert.equal(answer?.scope, 'invoices.read openid profile')
  assert.ok(answer?.id_token)
  await assertVerifies(answer)
})

/** Runs JavaScript as a module in the repository, which resolves the packages. Prints each object as JSON on one line. */
function runModule(code: string) {
  const print = `console.log = (...values) =>
    process.stdout.write(values.map(one => (typeof one === 'string' ? one : JSON.stringify(one))).join(' ') + '\\n')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', `${print}\n${code}`], {
    env: { ...process.env, NODE_OPTIONS: '--conditions=tessera-source' },
  })
  let output = ''
  let problem = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    problem += text
  })
  return { output: () => output, exit: once(child, 'exit').then(([code]) => ({ code, problem })) }
}

test('demo: the snippets that are printed beside the requests do the same, in order', async () => {
  const blocks = printed.split('\n\n').map(block => ({
    request: block.split('\n').some(line => line.includes('curl ')),
    snippet: block.split('\n').filter(line => line.startsWith('#   ')),
  }))
  // Each request has its snippet, and the lines that all of them need are before the first one.
  assert.ok(blocks.filter(({ request }) => request).length >= 5)
  for (const { request, snippet } of blocks) if (request) assert.ok(snippet.length > 0)
  const lines = blocks.flatMap(({ snippet }) => snippet)
  for (const line of lines) assert.ok(line.length <= 125, line)
  assert.equal(lines.filter(line => line.includes('import ')).length, 1)

  const code = lines.map(line => line.slice(4)).join('\n')
  const running = runModule(`${code}\nconsole.log(user)`)
  const link = await until('the link is printed', () => /allow it: (http\S+)\n/.exec(running.output())?.[1])
  await createPerson(issuer, alice).connectDevice(link)
  const { code: exitCode, problem } = await inTime('the snippets end', running.exit, { within: 30_000 })
  assert.equal(exitCode, 0, problem)
  const [machine, acme, refreshed, exchanged, shown, user] = answersIn(running.output())
  for (const answer of [machine, acme, user, refreshed, exchanged, shown]) await assertVerifies(answer)
  assert.equal(machine?.scope, 'invoices.read')
  assert.equal(claimsOf(acme).tenant, 'acme')
  assert.equal(user?.scope, 'invoices.read offline_access openid profile reports')
  assert.equal(claimsOf(refreshed).sub, 'u-alice')
  assert.notEqual(refreshed?.refresh_token, user?.refresh_token)
  assert.equal(exchanged?.scope, 'reports')
  assert.equal(claimsOf(exchanged).client_id, 'worker')
  assert.equal(shown?.scope, 'invoices.read openid profile')
})

test('demo: the address to open leads through sign-in and consent to a code, and the next page shows how to exchange it', async () => {
  const callback = await startDemoCallback(issuer)
  try {
    const back = await createPerson(issuer, alice).authorize(
      demoAuthorizationUrl(issuer, callback.redirectUri),
    )
    const html = await (await fetch(back)).text()
    const shown = /<pre[^>]*>([\s\S]*)<\/pre>/.exec(html)?.[1]?.replaceAll('&quot;', '"')
    const [answer] = answersIn(await bash([shown ?? '']))
    assert.ok(answer?.access_token && answer.id_token && answer.refresh_token, JSON.stringify(answer))
    await assertVerifies(answer)
  } finally {
    callback.close()
  }
})

test('demo: the page also shows a snippet that exchanges the code', async () => {
  const callback = await startDemoCallback(issuer)
  try {
    const back = await createPerson(issuer, alice).authorize(
      demoAuthorizationUrl(issuer, callback.redirectUri),
    )
    const html = await (await fetch(back)).text()
    const shown = /<code[^>]*>([\s\S]*)<\/code>/.exec(html)?.[1]?.replaceAll('&quot;', '"')
    const { output, exit } = runModule(shown ?? '')
    const { code, problem } = await inTime('the snippet ends', exit)
    assert.equal(code, 0, problem)
    const [answer] = answersIn(output())
    assert.equal(answer?.claims.sub, 'u-alice')
    await assertVerifies(answer)
  } finally {
    callback.close()
  }
})

test('demo: it prints the addresses of the account page and the sign-out, and both work', async () => {
  const { account, signOut } = demoPages(issuer)
  for (const address of [account, signOut]) assert.ok(printed.split('\n').includes(`# ${address}`), address)
  const person = createPerson(issuer, alice)
  assert.match(await person.open(account), /Alice Adams/)
  assert.match(String(await person.signOut(signOut)), /You are signed out/)
  await person.open(account)
  assert.equal(person.signIns(), 2)
})

test('demo: addresses come before requests, nothing is printed between them, and all of it is bash', async () => {
  const [listening = '', ...lines] = printed.trim().split('\n')
  assert.match(listening, /^listening on /)
  const first = lines.find(line => line.includes('://'))
  assert.ok(first?.startsWith(`# ${issuer}/connect/authorize?`), printed)
  const lastAddress = lines.findLastIndex(line => line.startsWith(`# ${issuer}/`))
  assert.ok(lastAddress < lines.findIndex(line => line.startsWith('curl')), printed)
  assert.ok(lines.length < 80, `${lines.length} lines`)
  assert.equal(errors, '')
  await run('bash', ['-n', '-c', lines.join('\n')])
})

test('demo callback: it looks like the pages of the server, in both themes', async () => {
  const callback = await startDemoCallback(issuer)
  try {
    const response = await fetch(`${callback.redirectUri}?code=c`)
    const html = await response.text()
    assert.match(html, /<main class="card">/)
    assert.match(html, /prefers-color-scheme:dark/)
    assert.doesNotMatch(response.headers.get('content-security-policy') ?? '', /script-src/)
    for (const address of Object.values(demoPages(issuer)))
      assert.ok(address.endsWith('/dev/mail') || html.includes(`href="${address}"`), address)
  } finally {
    callback.close()
  }
})

test('demo callback: parameters are shown as text, never as markup', async () => {
  const callback = await startDemoCallback(issuer)
  try {
    const html = await (await fetch(`${callback.redirectUri}?error=${encodeURIComponent('<script>')}`)).text()
    assert.ok(html.includes('&lt;script&gt;') && !html.includes('<script>'))
    assert.equal((await fetch(new URL('/other', callback.redirectUri))).status, 404)
  } finally {
    callback.close()
  }
})
