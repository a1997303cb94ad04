/** The operator's log, as a process writes it to stderr. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import type { LogLevel } from '../../packages/server/src/operations/log.ts'
import { secretFields } from '../../packages/server/src/operations/secret-fields.ts'
import { createBrowser } from '../support/browser.ts'
import { allowLoopback } from '../support/loopback.ts'
import { textsOf } from '../support/repository.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { createTestServer, issuer, startOfTime, type TestServer } from '../support/tessera.ts'

const log = new URL('../../packages/server/src/operations/log.ts', import.meta.url)

/** Returns what a process that runs this code has written when it ends. */
function written(level: LogLevel, code: string): Record<string, any>[] {
  const script = `import { createLog } from '${log}'; const log = createLog({ level: '${level}' }); ${code}`
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script])
  assert.equal(status, 0, stderr.toString())
  return stderr
    .toString()
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
}

test('log: a line is JSON with its time, level, event and fields', () => {
  const [line] = written('info', `log.info('refused', { client_id: 'web', reason: 'code_expired' })`)
  const { time, ...rest } = line!
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual(rest, { level: 'info', event: 'refused', client_id: 'web', reason: 'code_expired' })
})

test('log: lines below the level are not written, and pending lines are written when the process exits', () => {
  const all = `for (const level of ['debug', 'info', 'warn', 'error']) log[level](level); process.exit(0)`
  const events = (level: LogLevel) =>
    written(level, all)
      .map(({ event }) => event)
      .sort()
  assert.deepEqual(events('warn'), ['error', 'warn'])
  assert.deepEqual(events('debug'), ['debug', 'error', 'info', 'warn'])
  assert.deepEqual(events('silent'), [])
})

test('log: a secret logged by mistake is censored, one object deep too', () => {
  const names = ['password', 'client_secret', 'code', 'refresh_token', 'token', 'assertion', 'authorization']
  const slip = JSON.stringify(Object.fromEntries(names.map(name => [name, 'hunter2'])))
  const [line] = written('info', `log.info('slip', { ...${slip}, form: { ...${slip}, ok: 1 } })`)
  assert.equal(line?.form.ok, 1)
  for (const name of names) {
    assert.ok(name in line! && name in line.form)
    assert.ok(line[name] !== 'hunter2' && line.form[name] !== 'hunter2', name)
  }
})

const jwt = (payload: object, header: object = { alg: 'ES256' }): string =>
  [header, payload].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }] }
const ends = { exp: startOfTime + 60, iat: startOfTime }

const codeWorld = {
  ...pagesWorld,
  ...allowLoopback,
  identity_providers: [
    {
      name: 'gone',
      type: 'ldap',
      directory: { url: 'ldap://127.0.0.1:1', user_dn: 'uid={username},dc=example' },
    },
  ],
  registration: {
    mode: 'open',
    trusted_software_issuers: [{ issuer: 'https://trust.example', jwks }],
  },
  clients: [
    ...pagesWorld.clients.filter(({ client_id }) => client_id !== 'restricted'),
    {
      client_id: 'signer',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
      grant_types: ['client_credentials', 'authorization_code'],
      redirect_uris: [callback],
      scope: 'openid api1',
    },
  ],
}

/** Each makes the server log an error with its own code. */
const failures: Readonly<Record<string, (server: TestServer) => Promise<unknown>>> = {
  client_assertion_invalid: server =>
    server.token({
      ...{ grant_type: 'client_credentials', client_id: 'signer' },
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: `${jwt({ iss: 'signer', sub: 'signer', aud: issuer, jti: '1', ...ends })}.AAAA`,
    }),
  request_object_signature_invalid: server =>
    createBrowser(server).visit(
      `/connect/authorize?${new URLSearchParams({
        ...{ client_id: 'signer', redirect_uri: callback },
        request: `${jwt({ client_id: 'signer', ...ends })}.AAAA`,
      })}`,
    ),
  software_statement_invalid: server =>
    server.send('POST', '/connect/register', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: [callback],
        software_statement: `${jwt({ iss: 'https://trust.example', ...ends })}.AAAA`,
      }),
    }),
  directory_failed: server => signIn(createBrowser(server), authorizePath({ acr_values: 'idp:gone' })),
}

for (const [what, fail] of Object.entries(failures))
  test(`log: ${what} logs which error it was, in a field that is not censored`, async () => {
    const server = await createTestServer(codeWorld)
    await fail(server)
    const line = server.logged.find(({ event, reason }) => event === what || reason === what)
    assert.match(String(line?.error_code), /^[A-Z_]{4,}$/, JSON.stringify(server.logged))
    const [written_] = written('info', `log.info('refused', ${JSON.stringify(line)})`)
    assert.equal(written_?.error_code, line?.error_code)
  })

test('log: no field that the documentation refers to is censored', () => {
  const pages = [...textsOf('docs/**/*.md').values()].join('\n')
  const named = [
    ...pages.matchAll(/[Ll]og fields? `(\w+)`(?: and `(\w+)`)? ha(?:s|ve) the details/g),
  ].flatMap(([, one, two]) => [one, two].filter(name => name !== undefined))
  assert.ok(named.includes('error_code'))
  assert.deepEqual(
    named.filter(name => secretFields.has(name)),
    [],
  )
})

test('log: a sign-in and its tokens write no code and no token to the log', async () => {
  const server = await createTestServer(pagesWorld)
  const code = answerOf(
    await signIn(createBrowser(server), authorizePath({ scope: 'openid offline_access' })),
  )
  const value = code.get('code') ?? ''
  const form = {
    ...{ grant_type: 'authorization_code', client_id: 'web', code: value },
    ...{ redirect_uri: callback, code_verifier: verifier },
  }
  const { json } = await server.token(form)
  // A replay is refused, and the log says so.
  await server.token(form)
  assert.equal(server.reason(), 'code_replayed')
  const lines = JSON.stringify(server.logged)
  for (const secret of [value, json.access_token, json.refresh_token, json.id_token, verifier])
    assert.ok(secret && !lines.includes(secret))
})
