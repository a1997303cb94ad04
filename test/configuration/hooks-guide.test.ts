/** The guide about hooks: each hook has a section, its example is quoted as it is, runs, and does what the guide says. */

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { assertCovers } from '../kinds/coverage.ts'
import { createBrowser } from '../support/browser.ts'
import { testFolder } from '../support/folder.ts'
import { hookKeys } from '../support/hook-keys.ts'
import { freePort, serveConfiguration } from '../support/process.ts'
import { namesIn, readText } from '../support/repository.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import {
  type Answer,
  claimsOf,
  createTestServer,
  issuer,
  masterKey,
  startOfTime,
  type TestServer,
} from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'

type Hook = (...given: readonly any[]) => any
type Module = Readonly<Record<string, any>>

/** Sections by the names of hooks. */
const sections = new Map(
  readText('docs/guides/hooks.md')
    .split(/^(?=##)/m)
    .flatMap(text => {
      const [, name] = /^### `([^`]+)`$/m.exec(text) ?? []
      return name === undefined ? [] : [[name, text] as const]
    }),
)

/** Functions of grants of this package: part of no schema. */
const ofGrants = ['tokenExchange.policy', 'jwtBearer.subject']

const rowOf = (name: string, row: string): string => {
  const [, cell] = new RegExp(String.raw`^\| ${row} \| (.*) \|$`, 'm').exec(sections.get(name) ?? '') ?? []
  assert.ok(cell, `${name} has no row "${row}"`)
  return cell
}

test('hooks guide: each key of a module that contains code has a section', () => {
  assertCovers(sections.keys(), [...hookKeys(), ...ofGrants, 'hook_timeout'], 'section')
})

test('hooks guide: the configuration guide lists these keys', () => {
  const guide = readText('docs/guides/configuration.md')
  for (const hook of [...hookKeys(), 'hook_timeout']) {
    const key = hook.replace(/^identity_providers\.|\.decide$/, '')
    assert.match(
      guide,
      new RegExp(String.raw`^\|[^|]*\`${key.replace('.', String.raw`\.`)}\`[^|]*\| [^|]`, 'm'),
      key,
    )
  }
})

test('hooks guide: each section says when the hook is called, with what, what it returns, and names exported types', () => {
  const exported = readText('packages/server/src/server.ts')
  for (const name of sections.keys()) {
    if (name === 'hook_timeout') continue
    for (const row of ['called', 'request', 'result', 'errors', 'tenants']) rowOf(name, row)
    const types = [...rowOf(name, 'types').matchAll(/`(\w+)`/g)].map(([, type]) => type)
    assert.ok(types.length > 0, name)
    for (const type of types) assert.match(exported, new RegExp(String.raw`\b${type}\b`), `${name}: ${type}`)
  }
})

test('hooks guide: each example is quoted as it is', () => {
  const quoted = [...sections].flatMap(([name, text]) => {
    if (name === 'hook_timeout') return []
    const [, file, code] =
      /^(?:From )?\[(examples\/[^\]]+)\]\(\.\.\/\.\.\/\1\):\n\n```js\n([\s\S]*?)^```$/m.exec(text) ?? []
    assert.ok(file, `${name} quotes no example`)
    const [, part] = /^\/\/ begin: .*\n([\s\S]*?)^\/\/ end$/m.exec(readText(file)) ?? []
    assert.equal(code, part ?? readText(file), `the guide quotes ${file} as it was`)
    return [file]
  })
  const own = namesIn('examples/hooks').map(name => `examples/hooks/${name}`)
  assertCovers(
    quoted.filter(file => file.startsWith('examples/hooks/')),
    own,
    'example',
  )
})

test('hooks guide: a grant receives what the guide lists', async () => {
  const { default: module } = await import(
    new URL('../../examples/custom-grant/tessera.mjs', import.meta.url).href
  )
  const [grant] = module.grants
  const decide: Hook = (request, context) => {
    const given = Object.entries({ ...request, ...context }).flatMap(([name, value]) =>
      value === undefined ? [] : [name],
    )
    return watched('grants.decide', () => grant.decide(request, context))(
      Object.fromEntries(given.map(name => [name, true])),
    )
  }
  const server = await start({ ...module, grants: [{ ...grant, decide }] })
  const { json } = await server.token(
    { grant_type: 'urn:example:ticket', ticket: 'row-7-seat-12' },
    { client: ['turnstile', 'turnstile-secret'] },
  )
  assert.equal(claimsOf(json.access_token).sub, 'guest-12')
  assert.equal(calls.get('grants.decide'), 1)
})

const load = async (name: string): Promise<Module> =>
  (await import(new URL(`../../examples/hooks/${name}.mjs`, import.meta.url).href)).default

/** Returns the hook, and checks that the guide names each member of the requests that it receives. */
const watched =
  (section: string, hook: Hook): Hook =>
  (request, ...rest) => {
    const named = [...rowOf(section, 'request').matchAll(/`(\w+)\??`/g)].map(([, member]) => member)
    calls.set(section, (calls.get(section) ?? 0) + 1)
    for (const member of Object.keys(request)) assert.ok(named.includes(member), `${section}: ${member}`)
    for (const [member, value] of Object.entries(request))
      assert.notEqual(value, undefined, `${section}: ${member}`)
    return hook(request, ...rest)
  }

/** Counts calls by the names of hooks. */
const calls = new Map<string, number>()

const start = (module: Module): Promise<TestServer> => {
  const { storage: _, ...rest } = module
  return createTestServer(rest)
}

const ask = (
  server: TestServer,
  client_id: string,
  form: Readonly<Record<string, string>>,
): Promise<Answer> => server.token(form, { client: [client_id, `${client_id}-secret-of-the-example`] })

const byPassword = (
  server: TestServer,
  username: string,
  password: string,
  more: object = {},
): Promise<Answer> =>
  ask(server, 'direct', { grant_type: 'password', username, password, scope: 'openid', ...more })

const erin = { username: 'erin', password: 'only-for-this-example', button: 'login' }

test('hooks guide: validators.password signs in people of another application, beside configured users', async () => {
  const module = await load('password')
  const check = watched('validators.password', module.validators.password.check)
  const server = await start({ ...module, validators: { password: { check } } })
  const { json } = await byPassword(server, 'Erin', 'correct horse battery', { scope: 'openid profile' })
  assert.equal(claimsOf(json.access_token).sub, 'p-1')
  const told = await server.send('GET', '/connect/userinfo', {
    headers: { authorization: `Bearer ${json.access_token}` },
  })
  assert.deepEqual(told.json, { sub: 'p-1', name: 'Erin' })
  assert.equal((await byPassword(server, 'erin', 'wrong')).json.error, 'invalid_grant')
  assert.equal(server.reason(), 'credentials_refused')
  const admin = await byPassword(server, 'admin', 'only-for-this-example')
  assert.equal(claimsOf(admin.json.access_token).sub, 'admin')
  assert.equal(calls.get('validators.password'), 2)
})

test('hooks guide: a credential authority signs in the users of its provider', async () => {
  const module = await load('credential-authority')
  const [provider] = module.identity_providers
  const check = watched('identity_providers.credentialAuthority', provider.credentialAuthority.check)
  const server = await start({
    ...module,
    identity_providers: [{ ...provider, credentialAuthority: { check } }],
  })
  const staff = { acr_values: 'idp:staff' }
  const { sub, idp, amr } = claimsOf((await byPassword(server, 'kim', '8250 1734', staff)).json.access_token)
  assert.deepEqual({ sub, idp, amr }, { sub: 'staff-7', idp: 'staff', amr: ['pin'] })
  assert.equal((await byPassword(server, 'kim', '8250 1734')).status, 400)
  assert.equal((await byPassword(server, 'erin', erin.password)).status, 200)
})

test('hooks guide: validators.tokenRequest refuses requests and adds members to responses', async () => {
  const module = await load('token-request')
  const tokenRequest = watched('validators.tokenRequest', module.validators.tokenRequest)
  const server = await start({ ...module, validators: { tokenRequest } })
  const own = { grant_type: 'client_credentials' }
  assert.equal((await ask(server, 'shop', { ...own, scope: 'orders' })).status, 200)
  const refused = await ask(server, 'shop', { ...own, scope: 'payments' })
  assert.deepEqual(refused.json, {
    error: 'invalid_request',
    error_description: 'ticket is required for payments',
  })
  assert.equal(server.reason(), 'validator_refused')
  const { json } = await ask(server, 'shop', { ...own, scope: 'payments', ticket: 'T-5' })
  assert.equal(json.ticket, 'T-5')
  assert.equal(calls.get('validators.tokenRequest'), 3)
})

test('hooks guide: a policy decides who may exchange which token', async () => {
  const server = await start(await load('token-exchange'))
  const { json } = await ask(server, 'shop', { grant_type: 'client_credentials' })
  const exchange = (client_id: string, subject_token: string) =>
    ask(server, client_id, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    })
  const exchanged = await exchange('gateway', json.access_token)
  assert.equal(claimsOf(exchanged.json.access_token).client_id, 'gateway')
  for (const [client_id, token] of [
    ['reports', json.access_token],
    ['gateway', exchanged.json.access_token],
  ]) {
    assert.equal((await exchange(client_id, token)).json.error, 'invalid_request')
    assert.equal(server.reason(), 'exchange_refused_by_policy')
  }
})

test('hooks guide: assertions of a partner name users by their address', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  process.env.PARTNER_JWKS = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] })
  const server = await start(await load('jwt-bearer'))
  delete process.env.PARTNER_JWKS
  const redeem = async (email: string) =>
    ask(server, 'partner', {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await new SignJWT({ email })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer('https://partner.example')
        .setSubject('17')
        .setAudience(issuer)
        .setExpirationTime(startOfTime + 60)
        .sign(privateKey),
    })
  assert.equal(claimsOf((await redeem('erin@partner.example')).json.access_token).sub, 'p-1')
  assert.equal((await redeem('kim@partner.example')).json.error, 'invalid_grant')
  assert.equal(server.reason(), 'assertion_subject_unknown')
})

const provider = foreignProvider()
const folder = testFolder()

test('hooks guide: federation.subject finds employees in a table, and refuses others', async () => {
  const module = await load('federated-subject')
  const subject = watched('federation.subject', module.federation.subject)
  const { server } = await startFederated({
    ...module,
    storage: undefined,
    outbound: { allowed_private_networks: ['127.0.0.0/8', '::1'] },
    federation: { subject },
    identity_providers: module.identity_providers.map((one: object) => ({ ...one, issuer: provider.issuer })),
  })
  const target = authorizePath({ acr_values: 'idp:corp', scope: 'openid' })
  provider.claims = { sub: 'e-17' }
  assert.ok(answerOf(await signInByProvider(createBrowser(server), target)).get('code'))
  const signedIn = server.logged.findLast(({ sub }) => sub !== undefined)
  assert.equal(signedIn?.sub, 'p-1')
  assert.equal(calls.get('federation.subject'), 1)
  provider.claims = { sub: 'e-18' }
  await signInByProvider(createBrowser(server), target)
  assert.equal(server.reason(), 'provider_user_refused')
})

test('hooks guide: previousRefreshToken keeps applications of the old server signed in', async () => {
  const module = await load('previous-refresh-token')
  const hook = watched('previousRefreshToken', module.previousRefreshToken)
  const server = await start({ ...module, previousRefreshToken: hook })
  const form = { grant_type: 'refresh_token', refresh_token: 'the-refresh-token-of-an-old-server' }
  const refreshed = await server.token(form, { client: ['shop', 'only-for-this-example'] })
  assert.match(refreshed.json.refresh_token, /^tr_/)
  assert.equal(claimsOf(refreshed.json.access_token).sub, 'p-1')
})

test('hooks guide: consentPolicy asks for consent to payments only', async () => {
  const module = await load('consent-policy')
  const consentPolicy = watched('consentPolicy', module.consentPolicy)
  const server = await start({ ...module, consentPolicy })
  const browser = createBrowser(server)
  assert.ok(answerOf(await signIn(browser, authorizePath({ scope: 'openid orders' }), erin)).get('code'))
  const asked = await browser.visit(authorizePath({ scope: 'openid payments' }))
  assert.match(asked.text, /Make payments/)
})

test('hooks guide: mfaPolicy requires a second factor of one application', async () => {
  const module = await load('mfa-policy')
  const server = await start({ ...module, mfaPolicy: watched('mfaPolicy', module.mfaPolicy) })
  const browser = createBrowser(server)
  assert.ok(answerOf(await signIn(browser, authorizePath({ scope: 'openid' }), erin)).get('code'))
  const page = await browser.visit(authorizePath({ scope: 'openid', client_id: 'payroll' }))
  assert.ok(page.target.startsWith('/mfa'), page.target)
})

test('hooks guide: profile.claims supplies the claims that are needed, and others are ignored', async () => {
  const module = await load('profile-claims')
  const claims = watched('profile.claims', module.profile.claims)
  const server = await start({ ...module, profile: { claims } })
  const { json } = await byPassword(server, 'erin', erin.password, { scope: 'openid orders' })
  const { department, desk } = claimsOf(json.access_token)
  assert.deepEqual({ department, desk }, { department: 'sales', desk: undefined })
})

test('hooks guide: profile.isActive ends the access of people who left', async () => {
  const module = await load('profile-is-active')
  const { left } = await import(new URL('../../examples/hooks/profile-is-active.mjs', import.meta.url).href)
  const isActive = watched('profile.isActive', module.profile.isActive)
  const server = await start({ ...module, profile: { isActive } })
  assert.equal((await byPassword(server, 'kim', erin.password)).status, 400)
  assert.equal(server.reason(), 'user_inactive')
  const { json } = await byPassword(server, 'erin', erin.password, { scope: 'openid offline_access' })
  const refresh = { grant_type: 'refresh_token', refresh_token: json.refresh_token }
  left.add('p-1')
  assert.equal((await ask(server, 'direct', refresh)).json.error, 'invalid_grant')
  assert.equal(server.reason(), 'user_inactive')
  left.delete('p-1')
  assert.equal((await ask(server, 'direct', refresh)).status, 200)
})

test('hooks guide: storagePassword reads the password again for each connection', async () => {
  const file = folder.at('password')
  process.env.DATABASE_PASSWORD_FILE = file
  const module = await load('storage-password')
  delete process.env.DATABASE_PASSWORD_FILE
  const outcome = parseConfiguration(
    { issuer, ...module },
    { isModule: true, environment: { TESSERA_MASTER_KEY: masterKey } },
  )
  assert.ok(outcome.ok, JSON.stringify(outcome))
  const { storage } = outcome.configuration
  assert.ok(storage.kind === 'postgres' && storage.password)
  for (const password of ['first', 'second']) {
    await writeFile(file, `${password}\n`)
    assert.equal(await storage.password(), password)
  }
})

type Served = { readonly url: string; readonly log: () => string }

async function serve(
  file: string,
  variables: Readonly<Record<string, string>>,
  use: (server: Served) => Promise<void>,
) {
  Object.assign(process.env, variables)
  const server = await serveConfiguration(file, await freePort())
  for (const name of Object.keys(variables)) delete process.env[name]
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

const post = async (
  { url }: Served,
  client_id: string,
  form: Readonly<Record<string, string>>,
): Promise<any> => {
  const authorization = `Basic ${Buffer.from(`${client_id}:${client_id}-secret-of-the-example`).toString('base64')}`
  const body = new URLSearchParams(form)
  return (await fetch(`${url}/connect/token`, { method: 'POST', headers: { authorization }, body })).json()
}

const fileOf = (example: string): string => new URL(`../../examples/${example}`, import.meta.url).pathname

test('hooks guide: event callbacks of a served configuration write an audit log', async () => {
  const file = folder.at('audit.log')
  await serve(fileOf('hooks/events.mjs'), { AUDIT_LOG: file }, async server => {
    const issued = await post(server, 'shop', { grant_type: 'client_credentials' })
    assert.equal(issued.scope, 'orders')
    assert.equal((await post(server, 'shop', { grant_type: 'password' })).error, 'unsupported_grant_type')
    const audit = await until('the event is in the audit log', () =>
      readFile(file, 'utf8').catch(() => undefined),
    )
    assert.match(audit, /^\d{4}-\d\d-\d\dT\S+Z shop client_credentials shop\n$/)
    await until('the refusal is printed', () => server.log().includes('shop was refused: grant_type_unknown'))
  })
})

test('hooks guide: the users of the example of a user store sign in at a served configuration, and keep their table', async () => {
  const people = folder.at('people.db')
  const form = {
    grant_type: 'password',
    username: 'ERIN',
    password: 'correct horse battery',
    scope: 'openid email',
  }
  for (const attempt of ['the first start', 'a restart'])
    await serve(fileOf('user-store/tessera.mjs'), { PEOPLE: people }, async server => {
      const { access_token } = await post(server, 'direct', form)
      assert.equal(claimsOf(access_token).sub, 'p-1', attempt)
      assert.equal((await post(server, 'direct', { ...form, password: 'wrong' })).error, 'invalid_grant')
    })
})

test('hooks guide: a tenant has the hooks of the server, unless its entry has the key', async () => {
  const asked: unknown[] = []
  const answer = { ok: true, sub: 'p-1' }
  const clients = [
    { client_id: 'direct', client_secrets: [{ value: 's' }], grant_types: ['password'], scope: 'openid' },
  ]
  const server = await createTestServer({
    validators: { password: { check: ({ tenant }: Module) => asked.push(tenant) && answer } },
    profile: { isActive: ({ subject }: Module) => asked.push(subject.tenant) > 0 },
    clients,
    tenants: [
      { name: 'globex', issuer: 'path', clients },
      { name: 'acme', issuer: 'path', clients, validators: { tokenRequest: () => ({ ok: true }) } },
    ],
  })
  const headers = { authorization: `Basic ${Buffer.from('direct:s').toString('base64')}` }
  const form = { grant_type: 'password', username: 'erin', password: 'x', scope: 'openid' }
  for (const [path, status, expected] of [
    ['', 200, [undefined, undefined]],
    ['/t/globex', 200, ['globex', 'globex']],
    ['/t/acme', 400, []],
  ] as const) {
    asked.length = 0
    assert.equal((await server.send('POST', `${path}/connect/token`, { form, headers })).status, status, path)
    assert.deepEqual(asked, expected, path)
  }
})

test('hooks guide: an error of validators.tokenRequest uses up no code', async () => {
  let fails = true
  const tokenRequest = () => {
    if (fails) throw new Error('not now')
    return { ok: true }
  }
  const server = await createTestServer({ ...pagesWorld, validators: { tokenRequest } })
  const page = await signIn(createBrowser(server), authorizePath())
  const redeem = () =>
    server.token({
      ...{ grant_type: 'authorization_code', client_id: 'web', code: answerOf(page).get('code') ?? '' },
      ...{ redirect_uri: callback, code_verifier: verifier },
    })
  assert.deepEqual((await redeem()).json, { error: 'temporarily_unavailable' })
  assert.equal(server.reason(), 'hook_failed')
  fails = false
  assert.equal((await redeem()).status, 200)
})
