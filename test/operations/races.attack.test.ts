import assert from 'node:assert/strict'
import { Agent, request as send } from 'node:http'
import { after, before, test } from 'node:test'
import { challenge, redirectUri, verifier } from '../support/issue-code.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { beginShared } from '../support/storage.ts'
import { basic } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const many = 1000

/** Two processes on one database file, as an operator would run them behind one address. */
let servers: readonly RunningServer[] = []
let removeFolder = async (): Promise<void> => {}
const agent = new Agent({ keepAlive: true, maxSockets: 200 })

before(async () => {
  const ports = [await freePort(), await freePort()] as const
  const { file, remove } = await writeConfiguration({
    ...world,
    issuer: `http://localhost:${ports[0]}`,
    storage: (await beginShared()).storage,
    clients: [
      ...world.clients.map(client => ({
        ...client,
        ...(client.client_id === 'device' && { refresh_token_retry_window: 300 }),
      })),
      {
        client_id: 'strict',
        client_secrets: [{ value: secret }],
        grant_types: ['password', 'refresh_token'],
        scope: 'api1 offline_access',
        refresh_token_retry_window: 0,
      },
      {
        client_id: 'lasting',
        client_secrets: [{ value: secret }],
        grant_types: ['password', 'refresh_token'],
        scope: 'api1 offline_access',
        refresh_token_retry_window: 300,
      },
    ],
  })
  removeFolder = remove
  servers = await Promise.all(ports.map(port => serveConfiguration(file, port)))
})

after(async () => {
  agent.destroy()
  await Promise.all(servers.map(server => server.stop()))
  await removeFolder()
})

type Told = { readonly status: number; readonly json: any }

/** `node:http`, with few sockets for many requests: `fetch` would take more time than the server. */
const ask = (
  server: RunningServer | undefined,
  form: Record<string, string>,
  client = 'web',
): Promise<Told> =>
  new Promise((resolve, reject) => {
    const body = new URLSearchParams({
      ...form,
      ...(client === 'device' && { client_id: client }),
    }).toString()
    const outgoing = send(
      `${server?.url}/connect/token`,
      {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': body.length,
          ...(client !== 'device' && basic(client, secret)),
        },
      },
      incoming => {
        let text = ''
        incoming.setEncoding('utf8').on('data', chunk => {
          text += chunk
        })
        incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, json: JSON.parse(text) }))
        incoming.once('error', reject)
      },
    )
    outgoing.once('error', reject)
    outgoing.end(body)
  })

/** The same request a thousand times at once, distributed among the servers. */
const flood = (among: readonly RunningServer[], form: Record<string, string>, client?: string) =>
  Promise.all(Array.from({ length: many }, (_, index) => ask(among[index % among.length], form, client)))

const successes = (answers: readonly Told[]) => answers.filter(({ status }) => status === 200)

function assertOneSuccess(answers: readonly Told[]): void {
  const statuses = new Set(answers.map(({ status }) => status))
  assert.deepEqual(statuses, new Set([200, 400]))
  assert.equal(successes(answers).length, 1)
  for (const { status, json } of answers) if (status === 400) assert.equal(json.error, 'invalid_grant')
}

const origin = () => `http://localhost:${new URL(servers[0]!.url).port}`

async function newCode(): Promise<Record<string, string>> {
  const query = new URLSearchParams({
    client_id: 'web',
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid api1 offline_access',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  const person = createPerson(origin(), { username: 'bob', password: 'bob' })
  const back = await person.authorize(`${origin()}/connect/authorize?${query}`)
  return {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    redirect_uri: redirectUri,
    code_verifier: verifier,
  }
}

async function approvedDevice(scope: string): Promise<Record<string, string>> {
  const response = await fetch(`${origin()}/connect/deviceauthorization`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'device', scope }),
  })
  const device: any = await response.json()
  const person = createPerson(origin(), { username: 'bob', password: 'bob' })
  await person.connectDevice(device.verification_uri_complete)
  return { grant_type: deviceGrant, device_code: device.device_code }
}

async function newRefreshToken(client: string): Promise<Record<string, string>> {
  const form = { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1 offline_access' }
  const { json } = await ask(servers[0], form, client)
  return { grant_type: 'refresh_token', refresh_token: json.refresh_token }
}

for (const [where, among] of [
  ['one process', () => servers.slice(0, 1)],
  ['two processes on one database', () => servers],
] as const) {
  test(`race: a thousand redemptions of a code at ${where} yield tokens once, and those are revoked [RFC 6749 §4.1.2]`, async () => {
    const answers = await flood(among(), await newCode())
    assertOneSuccess(answers)
    const [winner] = successes(answers)
    for (const server of servers) {
      const { status } = await fetch(`${server.url}/connect/userinfo`, {
        headers: { authorization: `Bearer ${winner?.json.access_token}` },
      })
      assert.equal(status, 401)
    }
  })

  test(`race: a thousand polls of an approved device code at ${where} return tokens once, or one refresh token`, async () => {
    assertOneSuccess(await flood(among(), await approvedDevice('openid api1'), 'device'))
    const answers = await flood(among(), await approvedDevice('openid api1 offline_access'), 'device')
    assert.equal(successes(answers).length, many)
    assert.equal(new Set(answers.map(({ json }) => json.refresh_token)).size, 1)
  })

  test(`race: a thousand uses of a refresh token at ${where} create one successor`, async () => {
    const answers = await flood(among(), await newRefreshToken('lasting'), 'lasting')
    assert.equal(successes(answers).length, many)
    const successors = new Set(answers.map(({ json }) => json.refresh_token))
    assert.equal(successors.size, 1)
    const [refresh_token = ''] = successors
    const next = await ask(servers.at(-1), { grant_type: 'refresh_token', refresh_token }, 'lasting')
    assert.equal(next.status, 200)
  })

  test(`race: without a retry window a thousand uses at ${where} succeed once, and the family is revoked`, async () => {
    const answers = await flood(among(), await newRefreshToken('strict'), 'strict')
    assertOneSuccess(answers)
    const refresh_token = successes(answers)[0]?.json.refresh_token
    const next = await ask(servers.at(-1), { grant_type: 'refresh_token', refresh_token }, 'strict')
    assert.equal(next.json.error, 'invalid_grant')
  })
}

test('race: neither process logged an error', () => {
  for (const server of servers)
    assert.ok(!server.log().includes('"level":"error"'), server.log().slice(-2000))
})
