/** The commands of `examples/conformance-rp` in processes of their own, against a suite with a self-signed certificate. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { testFolder } from '../support/folder.ts'
import { certificate, identity } from '../support/ldap.ts'
import { code, type Variant } from './rp-suite/plans.ts'
import { playModule } from './rp-suite/suite.ts'

const folder = testFolder()
const NODE_EXTRA_CA_CERTS = await folder.write('suite.pem', certificate)
const files = { TLS_CERT: NODE_EXTRA_CA_CERTS, TLS_KEY: await folder.write('key.pem', identity.key) }
const pathOf = (name: string): string =>
  new URL(`../../examples/conformance-rp/${name}`, import.meta.url).pathname

let suite: ReturnType<typeof playModule>

/** The front of the suite: it passes each request to the module that is played. */
const front = createServer(identity, async (incoming, outgoing) => {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, text]) => [name, `${text}`]),
  )
  const { method } = incoming
  const body = method === 'POST' ? Buffer.concat(chunks).toString() : undefined
  if (incoming.url?.startsWith('/api/'))
    return outgoing.end(JSON.stringify(api(new URL(incoming.url, origin), body)))
  const response = await suite.fetch(origin + incoming.url, { method, headers, body }).catch(() => undefined)
  outgoing.writeHead(response?.status ?? 500, Object.fromEntries(response?.headers ?? []))
  outgoing.end(await response?.text())
}).listen(0, 'localhost')
await once(front, 'listening')
after(() => {
  front.closeAllConnections()
  front.close()
})
const origin = `https://localhost:${(front.address() as AddressInfo).port}`

/** Requests the request object as the suite does. */
async function getText(url: string): Promise<string> {
  const [incoming] = await once(get(url, { ca: certificate, agent: false }), 'response')
  let text = ''
  for await (const chunk of incoming) text += chunk
  return text
}

let configuration: { readonly client: object } | undefined
let waiting = false
let played = ''

/** The part of the REST API of the suite that the command uses. A module is over when its state is requested again. */
function api({ pathname, searchParams }: URL, body: string | undefined): unknown {
  if (pathname === '/api/plan') {
    configuration = JSON.parse(body ?? '')
    const modules = [
      'oidcc-client-test',
      'oidcc-client-test-invalid-iss',
      'oidcc-client-test-idtoken-sig-none',
    ]
    return { id: 'plan1', modules: modules.map(testModule => ({ testModule, variant: code })) }
  }
  if (pathname === '/api/runner') {
    played = (searchParams.get('test') ?? '').replace('oidcc-client-test', '')
    suite = playModule(played, { client_registration: 'dynamic_client', ...code }, origin)
    waiting = true
    return { id: 'module1' }
  }
  if (pathname === '/api/log/module1')
    return [{ result: 'FAILURE', src: 'Condition', msg: 'no sub' }, { msg: 'x' }]
  assert.equal(pathname, '/api/info/module1')
  if (waiting) {
    waiting = false
    return { status: 'WAITING' }
  }
  suite.checkEnd()
  return { status: 'FINISHED', result: results[played] ?? 'PASSED' }
}

let results: Readonly<Record<string, string>> = {}

type Ended = { readonly exitCode: number; readonly stdout: string; readonly stderr: string }

/** @param other the module that the suite plays, if it is not the one that the app is told. */
function run(module: string, variant: Variant, environment: object = {}, other = module): Promise<Ended> {
  const VARIANT = { client_registration: 'dynamic_client', ...code, ...variant }
  suite = playModule(other, VARIANT, origin)
  const env = {
    ...process.env,
    NODE_EXTRA_CA_CERTS,
    ISSUER: suite.op.issuer,
    VARIANT: JSON.stringify(VARIANT),
    ...environment,
  }
  return start(['rp.ts', '--module', `oidcc-client-test${module}`], env)
}

const start = ([name = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> =>
  new Promise(resolve => {
    const options = { env, timeout: 60_000 }
    const child = execFile(process.execPath, [pathOf(name), ...args], options, (_, stdout, stderr) =>
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
    )
  })

test('conformance RP: the command signs in through a redirect with a fragment, and exits with 0', async () => {
  const { exitCode, stdout, stderr } = await run('', { response_type: 'code id_token token' })
  assert.deepEqual([exitCode, stderr], [0, ''])
  assert.match(stdout, /^app GET https:\/\/localhost:\d+\/test\/a\/tessera\/\.well-known/)
  assert.match(stdout, /oidcc-client-test: as expected\n$/)
  suite.checkEnd()
})

test('conformance RP: the command submits a form, refuses an ID token as the module wants, and exits with 0', async () => {
  const { exitCode, stdout } = await run('-nonce-invalid', { response_mode: 'form_post' })
  assert.equal(exitCode, 0, stdout)
  assert.match(stdout, /"code":"nonce_mismatch"/)
  suite.checkEnd()
})

test('conformance RP: the command exits with 1 if the app did something else than the module wants', async () => {
  const { exitCode, stdout } = await run('-nonce-invalid', {}, {}, '')
  assert.equal(exitCode, 1)
  assert.match(stdout, /oidcc-client-test-nonce-invalid: expected nonce_mismatch\n$/)
})

test('conformance RP: a certificate that NODE_EXTRA_CA_CERTS does not name is refused', async () => {
  const { exitCode, stdout } = await run('', {}, { NODE_EXTRA_CA_CERTS: '' })
  assert.equal(exitCode, 1)
  assert.match(stdout, /"code":"network_error"/)
})

test('conformance RP: the command serves the request object over TLS, and stops at the end', async () => {
  const listener = createServer().listen(0, 'localhost')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  await new Promise(resolve => listener.close(resolve))
  const ended = run(
    '-request-uri-signed-none',
    { request_type: 'request_uri' },
    {
      ...files,
      PORT: `${port}`,
      BASE_URL: `https://localhost:${port}`,
    },
  )
  suite.op.fetchRequestObject = uri => getText(uri)
  const { exitCode, stdout } = await ended
  assert.equal(exitCode, 0, stdout)
  assert.equal(suite.op.requestObjectHeaders[0]?.alg, 'none')
  suite.checkEnd()
})

test('conformance RP: without an issuer, or with a variant that is not supported, the command exits with 2', async () => {
  assert.match((await run('', {}, { ISSUER: '' })).stderr, /set ISSUER/)
  const { exitCode, stderr } = await run('', { client_auth_type: 'tls_client_auth' })
  assert.deepEqual([exitCode, stderr], [2, 'client_auth_type tls_client_auth is not supported\n'])
})

test('conformance RP: the command for a plan runs its modules, and exits with 0 if only unsigned ID tokens were skipped', async () => {
  results = { '-idtoken-sig-none': 'SKIPPED' }
  const env = { ...process.env, NODE_EXTRA_CA_CERTS, SUITE: origin, CLIENT_ID: 'static' }
  const { exitCode, stdout, stderr } = await start(
    ['suite.ts', 'oidcc-client-basic-certification-test-plan'],
    env,
  )
  assert.deepEqual([exitCode, stderr], [0, ''])
  assert.match(stdout, /FINISHED \| PASSED \| oidcc-client-test \| code \| signed_in\n/)
  assert.match(stdout, /PASSED \| oidcc-client-test-invalid-iss \| code \| issuer_mismatch\n/)
  assert.match(stdout, /SKIPPED \| oidcc-client-test-idtoken-sig-none \| code \| algorithm_not_allowed\n/)
  assert.deepEqual(configuration?.client, {
    client_id: 'static',
    redirect_uri: 'https://rp.example/callback',
  })
})

test('conformance RP: the command for a plan exits with 1 if the suite fails a module, and prints its log', async () => {
  results = { '': 'FAILED' }
  const env = { ...process.env, NODE_EXTRA_CA_CERTS, SUITE: origin }
  const { exitCode, stdout } = await start(
    ['suite.ts', 'oidcc-client-basic-certification-test-plan', 'oidcc-client-test'],
    env,
  )
  assert.equal(exitCode, 1)
  assert.match(
    stdout,
    /FAILED \| oidcc-client-test \| code \| signed_in\n {2}FAILURE Condition: no sub\nfailed modules: 1\n$/,
  )
  assert.doesNotMatch(stdout, /invalid-iss/)
})
