/** The command `examples/conformance-rp/rp.ts` in a process of its own, against a suite with a self-signed certificate. */

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
const command = new URL('../../examples/conformance-rp/rp.ts', import.meta.url).pathname

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

type Ended = { readonly exitCode: number; readonly stdout: string; readonly stderr: string }

/** @param played the module that the suite plays, if it is not the one that the app is told. */
function run(module: string, variant: Variant, environment: object = {}, played = module): Promise<Ended> {
  const VARIANT = { client_registration: 'dynamic_client', ...code, ...variant }
  suite = playModule(played, VARIANT, origin)
  const env = {
    ...process.env,
    NODE_EXTRA_CA_CERTS,
    ISSUER: suite.op.issuer,
    VARIANT: JSON.stringify(VARIANT),
    ...environment,
  }
  return new Promise(resolve => {
    const options = { env, timeout: 60_000 }
    const args = [command, '--module', `oidcc-client-test${module}`]
    const child = execFile(process.execPath, args, options, (_, stdout, stderr) =>
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

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
