/**
 * One-use values and limited counts under concurrent requests to two processes on one database, and after `kill -9`.
 */

import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { challenge, pagesWorld, signIn } from '../support/sign-in.ts'
import type { SendOptions } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const redirect_uri = 'https://app.example/cb'
const bearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const partner = 'https://partner.example'
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [await exportJWK(publicKey)] }
const many = 200

let servers: RunningServer[] = []
let ports: readonly number[] = []
let file = ''
let removeFolder = async (): Promise<void> => {}

before(async () => {
  ports = [await freePort(), await freePort()]
  const written = await writeConfiguration({
    issuer: `http://localhost:${ports[0]}`,
    storage: 'sqlite:./tessera.db',
    api_scopes: [{ name: 'api1' }],
    users: pagesWorld.users,
    tenants: pagesWorld.tenants,
    trusted_issuers: [{ issuer: partner, jwks }],
    authorization_requests: { max_waiting_per_network: 50, pushed_lifetime: 600 },
    registration: { mode: 'open', max_requests_per_hour: 30 },
    clients: [
      {
        client_id: 'signer',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks,
        redirect_uris: [redirect_uri],
        grant_types: ['authorization_code', 'client_credentials', bearerGrant],
        scope: 'openid api1',
      },
      {
        client_id: 'spa',
        token_endpoint_auth_method: 'none',
        redirect_uris: [redirect_uri],
        scope: 'openid',
      },
    ],
  })
  file = written.file
  removeFolder = written.remove
  servers = await Promise.all(ports.map(port => serveConfiguration(file, port)))
})

after(async () => {
  await Promise.all(servers.map(server => server.stop()))
  await removeFolder()
})

const issuer = () => `http://localhost:${ports[0]}`
const at = (index: number): string => servers[index % servers.length]?.url ?? ''
const post = (index: number, path: string, form: Record<string, string>): Promise<Response> =>
  fetch(at(index) + path, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })

/** Sends the same request concurrently, alternating between the processes; returns the status of each response. */
const flood = (ask: (index: number) => Promise<Response>, count = many): Promise<readonly number[]> =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      until(
        'the request is admitted',
        async () => {
          const response = await ask(index)
          await response.arrayBuffer()
          // A process that gets too little time on a busy machine rejects requests before they change anything.
          const isTurnedAway = response.status === 503 && response.headers.has('retry-after')
          return !isTurnedAway && response.status
        },
        { within: 120_000, every: 1000 },
      ),
    ),
  )
const howMany = (statuses: readonly number[], status: number) => statuses.filter(one => one === status).length

const sign = (claims: object) =>
  new SignJWT({ exp: Math.floor(Date.now() / 1000) + 300, jti: randomUUID(), aud: issuer(), ...claims })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey)
const asSigner = async () => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await sign({ iss: 'signer', sub: 'signer' }),
})

const request = {
  ...{ redirect_uri, response_type: 'code', scope: 'openid', code_challenge_method: 'S256' },
  code_challenge: challenge,
}
const push = async () => {
  const response = await post(0, '/connect/par', { ...request, client_id: 'spa' })
  return ((await response.json()) as { request_uri: string }).request_uri
}
const visit = (index: number, request_uri: string, cookie = '') =>
  fetch(`${at(index)}/connect/authorize?${new URLSearchParams({ client_id: 'spa', request_uri })}`, {
    redirect: 'manual',
    headers: { cookie },
  })

/** Signs a browser in at the process; returns its cookies. */
async function signedIn(): Promise<string> {
  const send = async (method: string, path: string, { headers, form }: SendOptions = {}) => {
    const response = await fetch(at(0) + path, {
      ...{ method, redirect: 'manual', headers: headers as Record<string, string> },
      ...(form && { body: new URLSearchParams(form as Record<string, string>) }),
    })
    const body = await response.text()
    const named = { ...Object.fromEntries(response.headers), 'set-cookie': response.headers.getSetCookie() }
    return { status: response.status, headers: named, body, json: undefined }
  }
  const browser = createBrowser({ send })
  await signIn(browser, `/connect/authorize?${new URLSearchParams({ ...request, client_id: 'spa' })}`)
  return [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
}

async function killAndRestart(): Promise<void> {
  await Promise.all(servers.map(server => server.kill()))
  servers = await Promise.all(ports.map(port => serveConfiguration(file, port)))
}

test('race: a pushed request yields one code for many browsers at two processes, and none after a restart', async () => {
  const cookie = await signedIn()
  const uri = await push()
  const codes: (string | null)[] = []
  await flood(async index => {
    const response = await visit(index, uri, cookie)
    const { location } = Object.fromEntries(response.headers)
    codes.push(location === undefined ? null : new URL(location).searchParams.get('code'))
    return response
  })
  assert.equal(codes.filter(code => code !== null).length, 1)
  const waiting = await push()
  await killAndRestart()
  assert.equal((await visit(1, uri, cookie)).status, 400)
  assert.match((await visit(1, waiting, cookie)).headers.get('location') ?? '', /[?&]code=/)
})

test('race: an assertion authenticates one of many concurrent requests to two processes, and none after a restart', async () => {
  const form = { grant_type: 'client_credentials', scope: 'api1', ...(await asSigner()) }
  const statuses = await flood(index => post(index, '/connect/token', form))
  assert.equal(howMany(statuses, 200), 1)
  assert.equal(howMany(statuses, 401), many - 1)
  await killAndRestart()
  assert.equal((await post(0, '/connect/token', form)).status, 401)
})

test('race: a bearer assertion yields tokens once, whichever client sends it, and none after a kill', async () => {
  const assertion = await sign({ iss: partner, sub: '1' })
  const forms = await Promise.all(
    Array.from({ length: many }, async () => ({
      ...{ grant_type: bearerGrant, assertion, scope: 'api1' },
      ...(await asSigner()),
    })),
  )
  const statuses = await flood(index => post(index, '/connect/token', forms[index]!))
  assert.equal(howMany(statuses, 200), 1)
  assert.equal(howMany(statuses, 400), many - 1)
  await killAndRestart()
  const again = { grant_type: bearerGrant, assertion, scope: 'api1', ...(await asSigner()) }
  assert.equal((await post(1, '/connect/token', again)).status, 400)
})

test('race: limits of waiting requests and registrations for a network hold across both processes', async () => {
  const statuses = await flood(index => post(index, '/connect/par', { ...request, client_id: 'spa' }))
  // Two were pushed before.
  assert.equal(howMany(statuses, 201), 48)
  assert.equal(howMany(statuses, 429), many - 48, JSON.stringify(statuses))
  const register = (index: number, method: string, path: string, body: object, token?: string) =>
    fetch(at(index) + path, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    })
  const metadata = { redirect_uris: [redirect_uri], scope: 'openid' }
  const first: any = await (await register(0, 'POST', '/connect/register', metadata)).json()
  const { client_id, registration_access_token } = first
  const path = `/connect/register/${client_id}`
  const updates = await flood(
    index => register(index, 'PUT', path, { ...metadata, client_id }, registration_access_token),
    20,
  )
  assert.equal(howMany(updates, 200), 1)
  assert.equal(howMany(updates, 401) + howMany(updates, 400), 19)
  const registered = await flood(index => register(index, 'POST', '/connect/register', metadata))
  const made = howMany(registered, 201)
  // Thirty in all; an update whose token was replaced before it arrived is not counted.
  assert.ok(made <= 30 - 2 && made >= 30 - 21, String(made))
  assert.equal(howMany(registered, 429), many - made)
  await killAndRestart()
  assert.equal((await register(1, 'POST', '/connect/register', metadata)).status, 429)
  const old = await fetch(at(1) + path, { headers: { authorization: `Bearer ${registration_access_token}` } })
  assert.equal(old.status, 401)
})

test('race: neither process logged an error', () => {
  for (const server of servers)
    assert.ok(!server.log().includes('"level":"error"'), server.log().slice(-2000))
})
