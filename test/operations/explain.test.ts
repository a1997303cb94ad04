/** `tessera explain`: from the id of a response to the step that refused, and from an authorization to its requests. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { explain } from '../../packages/server/src/operations/explain/explain.ts'
import { matchingLines } from '../../packages/server/src/operations/explain/log-lines.ts'
import { printable } from '../../packages/server/src/operations/explain/masked-text.ts'
import { sections } from '../../packages/server/src/operations/explain/sections.ts'
import { storyText } from '../../packages/server/src/operations/explain/story-text.ts'
import { testFolder } from '../support/folder.ts'
import { challenge, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { linesWithSecrets } from '../support/logged-secrets.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { withClients } from '../support/world.ts'

const folder = testFolder()
const secret = 'a-long-secret-of-web-4f8a1c'
const web: readonly [string, string] = ['web', secret]
const clients = withClients({ client_id: 'web', client_secrets: [{ value: secret }] } as never)
const server = await createTestServer(clients)

/** The log as the server writes it. */
const logOf = ({ logged }: TestServer): string =>
  logged
    .map(({ level, event, ...fields }, index) =>
      JSON.stringify({ level, time: timeOf(index), worker: 1 + (index % 2), ...fields, event }),
    )
    .join('\n')

const timeOf = (index: number): string => new Date(1_790_000_000_000 + index).toISOString()

const stream = (text: string | Buffer, size = 1 << 20): AsyncIterable<Buffer> => {
  const bytes = Buffer.from(text)
  const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
  return Readable.from(parts)
}

async function compressed(name: string, bytes: Uint8Array): Promise<string> {
  const file = await folder.write(name, '')
  await writeFile(file, bytes)
  return file
}

const explainOne = async (id: unknown, log = logOf(server)) => {
  const explanation = await explain(String(id), [stream(log)])
  assert.equal(explanation.stories.length, 1, `${id}: ${JSON.stringify(explanation)}`)
  return { story: explanation.stories[0]!, text: storyText(explanation.stories[0]!) }
}

const redeem = (changes: Readonly<Record<string, string | undefined>>, client = web) =>
  server.token({ grant_type: 'authorization_code', redirect_uri: redirectUri, ...changes }, { client })
const pkce = { code_challenge: challenge, code_challenge_method: 'S256' } as const

const outcomes = (steps: readonly { step: string; outcome: string }[]): string =>
  steps.map(({ step, outcome }) => `${step}=${outcome}`).join(' ')

test('explain: a refused code shows the passed steps, where it stopped, both values, the section and the fix', async () => {
  const code = await issueCode(server, {}, pkce)
  const answer = await redeem({ code, code_verifier: verifier, redirect_uri: 'https://app.example/other' })
  assert.equal(answer.status, 400)
  const { story, text } = await explainOne(answer.headers['x-request-id'])
  assert.equal(
    outcomes(story.steps),
    'parse=passed authenticate=passed grant=passed prove=passed decide=refused sign=not_reached commit=not_reached respond=not_reached',
  )
  assert.equal(
    text,
    `request ${answer.headers['x-request-id']}, ${story.time}
  endpoint token, client_id web, network 127.0.0.1, worker ${story.worker}, authorization_id ${story.links.authorization_id}

  ✓ parse
  ✓ authenticate
  ✓ grant
  ✓ prove
  ✗ decide: invalid_grant, redirect_uri_differs
      redirect_uri differs from the one in the authorization request. The code is burned.
      expected: https://app.example/cb
      received: https://app.example/other
      section: RFC 6749 §4.1.3
      fix: Fix the client.
  · sign (not reached)
  · commit (not reached)
  · respond (not reached)

  ${story.time} info refused authorization_id=${story.links.authorization_id}
`,
  )
})

type Case = readonly [requestId: unknown, step: string, values: RegExp]

/** Each request, the step that refuses it, and what the log says about both values. */
const refusals: Readonly<Record<string, () => Promise<Case>>> = {
  'a wrong secret': async () => [
    (await redeem({ code: 'x' }, ['web', `${secret} `])).headers['x-request-id'],
    'authenticate',
    /received: 28 characters, ends with a space or line break\n/,
  ],
  'a variable that was not replaced': async () => [
    (await redeem({ code: 'x' }, ['web', `\${WEB_CLIENT_SECRET}`])).headers['x-request-id'],
    'authenticate',
    /received: 20 characters, looks like a variable that was not replaced\n/,
  ],
  'a grant that the client may not use': async () => [
    (await server.token({ grant_type: 'client_credentials' }, { client: web })).headers['x-request-id'],
    'grant',
    /expected: authorization_code refresh_token\n.*received: client_credentials\n/,
  ],
  'an unknown code': async () => [
    (await redeem({ code: `tc_0mfz8x2k1${'A'.repeat(43)}` })).headers['x-request-id'],
    'decide',
    /received: tc_… \(55 characters, hash [\w-]{8}…\)\n/,
  ],
  'a wrong verifier': async () => [
    (await redeem({ code: await issueCode(server, {}, pkce), code_verifier: 'x'.repeat(43) })).headers[
      'x-request-id'
    ],
    'decide',
    /expected: the verifier of the S256 code_challenge\n.*received: 43 characters\n/,
  ],
  'a body that is not a form': async () => [
    (await server.send('POST', '/connect/token', { body: '{}', headers: { 'content-type': 'text/json' } }))
      .headers['x-request-id'],
    'parse',
    /received: text\/json\n/,
  ],
  'a redirect_uri that is not registered': async () => [
    (
      await server.send(
        'GET',
        '/connect/authorize?client_id=web&response_type=code&scope=openid&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%2F',
      )
    ).headers['x-request-id'],
    'target',
    /expected: https:\/\/app\.example\/cb\n.*received: https:\/\/app\.example\/cb\/\n/,
  ],
  'a scope of another client': async () => [
    (
      await server.send(
        'GET',
        `/connect/authorize?client_id=web&response_type=code&scope=openid%20api2&redirect_uri=${encodeURIComponent(redirectUri)}&code_challenge=${challenge}&code_challenge_method=S256`,
      )
    ).headers['x-request-id'],
    'decide',
    /received: api2\n/,
  ],
  'a user info request with another token': async () => [
    (await server.send('GET', '/connect/userinfo', { headers: { authorization: 'Bearer none' } })).headers[
      'x-request-id'
    ],
    'authenticate',
    /section: RFC 6750 §3\.1\n/,
  ],
  'a form that no page of ours sent': async () => [
    (await server.send('POST', '/login', { form: { username: 'bob' } })).headers['x-request-id'],
    'open',
    /section: RFC 9700 §4\.7\n/,
  ],
}

for (const [name, ask] of Object.entries(refusals))
  test(`explain: ${name} shows its step and both values`, async () => {
    const [id, step, values] = await ask()
    const { story, text } = await explainOne(id)
    assert.equal(story.steps.find(({ outcome }) => outcome === 'refused')?.step, step)
    assert.match(text, new RegExp(values.source, 's'))
    assert.ok(!text.includes(secret))
  })

test('explain: an authorization shows the requests that issued and used its tokens, with their steps', async () => {
  const code = await issueCode(server, { scope: ['offline_access', 'openid'] }, pkce)
  const first = await redeem({ code, code_verifier: verifier })
  assert.equal(first.status, 200, first.body)
  const { refresh_token } = first.json
  const second = await server.token({ grant_type: 'refresh_token', refresh_token }, { client: web })
  await server.token({ grant_type: 'refresh_token', refresh_token: `${refresh_token}x` }, { client: web })
  const { story } = await explainOne(first.headers['x-request-id'])
  assert.match(outcomes(story.steps), /^parse=passed .*commit=passed respond=passed$/)
  const id = story.links.authorization_id ?? ''
  const { stories } = await explain(id, [stream(logOf(server))])
  assert.deepEqual(
    stories.map(({ request_id }) => request_id),
    [first, second].map(({ headers }) => headers['x-request-id']),
  )
  assert.deepEqual(linesWithSecrets(stories, [code, refresh_token, first.json.access_token, secret]), [])
})

test('explain: --related reads files again for the same authorization and session', async () => {
  const code = await issueCode(server, { sid: 'session-of-related' }, pkce)
  const [first, again] = [
    await redeem({ code, code_verifier: verifier }),
    await redeem({ code, code_verifier: verifier }),
  ]
  assert.equal(again.reason, 'code_replayed')
  const file = await folder.write('related.log', logOf(server))
  const zipped = await compressed('related.log.gz', gzipSync(logOf(server)))
  for (const source of [file, zipped]) {
    const { stories } = await explain(String(first.headers['x-request-id']), [source], { related: true })
    assert.deepEqual(
      stories.map(({ request_id, refusal }) => [request_id, refusal?.reason]),
      [
        [first.headers['x-request-id'], undefined],
        [again.headers['x-request-id'], 'code_replayed'],
      ],
    )
  }
})

const line = (fields: object): string => JSON.stringify({ level: 'info', event: 'refused', ...fields })
const refused = { request_id: 'r-1', endpoint: 'token', steps: ['parse'], reason: 'code_missing' }

test('explain: prefixes of journald and Docker, broken lines and interleaved workers do not matter', async () => {
  const log = [
    `Nov 30 10:00:00 host tessera[1]: ${line({ ...refused, time: '2026-11-30T10:00:02Z', worker: 1 })}`,
    line({ ...refused, request_id: 'r-2', time: '2026-11-30T10:00:01Z', worker: 2 }),
    JSON.stringify({ log: `${line({ ...refused, event: 'signed_in', time: '2026-11-30T10:00:00Z' })}\n` }),
    '{"level":"info","request_id":"r-1","rea',
    `{"level":"info" "request_id":"r-1"}`,
    'not json at all',
    line({ ...refused, request_id: 'other', description: 'r-1' }),
    '"r-1"',
  ].join('\n')
  const { stories, unreadable } = await explain('r-1', [stream(log, 7)])
  assert.equal(unreadable, 2)
  assert.deepEqual(
    stories.map(({ request_id, lines }) => [request_id, lines.map(({ event }) => event)]),
    [['r-1', ['signed_in', 'refused']]],
  )
})

test('explain: a line without an end takes bounded memory, and the lines after it are read', async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    const part = Buffer.alloc(1 << 18, 'x')
    for (let count = 0; count < 42; count++) yield part
    // The end of the long line is no line of its own.
    yield Buffer.from(`${line(refused)}\n${line(refused)}\n`)
  }
  const found = []
  for await (const { line: text } of matchingLines(endless(), ['r-1'])) found.push(text)
  assert.deepEqual(found, [line(refused)])
})

test('explain: a damaged archive is reported, after what was read from it', async () => {
  const random = Array.from({ length: 3000 }, (_, index) => line({ ...refused, request_id: `r-${index}` }))
  const whole = gzipSync(random.join('\n'))
  const file = await compressed('cut.log.gz', whole.subarray(0, whole.length - 20))
  const { problems } = await explain('r-1', [file, '/nowhere/tessera.log'])
  assert.match(problems[0] ?? '', /cut\.log\.gz: unexpected end of file/)
  assert.match(problems[1] ?? '', /\/nowhere\/tessera\.log: ENOENT/)
})

test('explain: what strangers wrote into the log can not change the terminal, and nothing looks like a token', () => {
  assert.equal(printable('a\u001b[2Jb\u202e\n'), 'a\\u001b[2Jb\\u202e\\u000a')
  assert.equal(printable(`x ta_0mfz8x2k1${'A'.repeat(43)} y`), 'x ta_… (55 characters) y')
  assert.equal(printable('eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln'), 'eyJ… (40 characters)')
})

test('explain: a reason of the rules of this server has no section, any other has one', () => {
  assert.equal(sections.get('hook_failed'), undefined)
  assert.equal(sections.get('code_expired'), 'RFC 6749 §4.1.2')
})

test('explain: at debug each request has a line with its status, and an inactive token its reason', async () => {
  const verbose = await createTestServer(clients, { logsRequests: true })
  const introspected = await verbose.send('POST', '/connect/introspect', {
    form: { client_id: 'web', client_secret: secret, token: 'ta_unknown' },
  })
  assert.deepEqual(introspected.json, { active: false })
  const { story, text } = await explainOne(introspected.headers['x-request-id'], logOf(verbose))
  assert.equal(story.refusal?.reason, 'token_unknown')
  assert.match(text, /✓ respond\n {2}✗ token_unknown\n.*received: ta_… \(10 characters\)\n/s)
  assert.match(text, /request_served method=POST path=\/connect\/introspect status=200 ms=\d+\n/)
  const missing = await verbose.send('GET', '/nowhere')
  const { story: unknown } = await explainOne(missing.headers['x-request-id'], logOf(verbose))
  assert.equal(unknown.lines[0]?.fields.status, 404)
})

test('explain: log_client_network shortens or omits the network of every line', async () => {
  for (const [log_client_network, from, network] of [
    ['full', '192.0.2.77', '192.0.2.77'],
    ['shortened', '192.0.2.77', '192.0.2.0/24'],
    ['shortened', '2001:db8:1:2:3::4', '2001:db8:1:0/48'],
    ['none', '192.0.2.77', undefined],
  ] as const) {
    const quiet = await createTestServer({ ...clients, log_client_network })
    await quiet.token({ grant_type: 'nothing' }, { client: web, from })
    const entry = quiet.logged.findLast(({ event }) => event === 'refused')
    assert.deepEqual([entry?.reason, entry?.network], ['grant_type_unknown', network])
    await quiet.reconfigure({ ...clients, log_client_network: 'none' })
    await quiet.token({ grant_type: 'nothing' }, { client: web, from })
    assert.equal('network' in (quiet.logged.findLast(({ event }) => event === 'refused') ?? {}), false)
  }
})

test('explain: a secret in a log line is found, as each test of this suite checks for its own requests', () => {
  assert.equal(linesWithSecrets([{ event: 'refused', detail: `x${secret}x` }], [secret]).length, 1)
  assert.equal(linesWithSecrets([{ event: 'refused', detail: 'x' }], [secret]).length, 0)
})
