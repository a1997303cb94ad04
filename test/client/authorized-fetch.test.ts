import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AccessToken,
  type AuthorizedFetchOptions,
  ClientError,
  challengeOf,
  createAuthorizedFetch,
  createClient,
  type Proof,
  type TokenSource,
} from '@tessera/client'

const api = 'https://api.example'

type Sent = {
  readonly url: string
  readonly authorization: string | null
  readonly body: string
  readonly request: Request
}
type Reply = (sent: Sent) => Response

const ok: Reply = () => new Response('done')
const refuse =
  (challenge?: string, status = 401): Reply =>
  () =>
    new Response('refused', {
      status,
      headers: challenge === undefined ? {} : { 'www-authenticate': challenge },
    })
const redirect: Reply = () => Response.redirect('https://elsewhere.example/')

/** An API that replies as listed, then with 200; and a source that counts its tokens. */
function createApi(replies: readonly Reply[], options: Partial<AuthorizedFetchOptions> = {}, proof?: Proof) {
  const sent: Sent[] = []
  const left = [...replies]
  let time = 1000
  let tokens = 1
  const client = createClient({ issuer: 'https://id.example', client_id: 'app', proof, now: () => time })
  const token = (): AccessToken => ({
    access_token: `token-${tokens}`,
    token_type: proof?.tokenType ?? 'bearer',
  })
  const source: TokenSource = {
    client,
    accessToken: async () => ({ ok: true, value: token() }),
    async renew(refused) {
      assert.equal(refused, `token-${tokens}`)
      tokens += 1
      return { ok: true, value: token() }
    },
  }
  const call = createAuthorizedFetch(source, {
    origins: [api],
    async fetch(input, init) {
      const request = new Request(input, init)
      const { url, headers } = request
      const one = {
        url,
        authorization: headers.get('authorization'),
        body: await request.clone().text(),
        request,
      }
      sent.push(one)
      return (left.shift() ?? ok)(one)
    },
    ...options,
  })
  const authorizations = (): readonly (string | null)[] => sent.map(({ authorization }) => authorization)
  return {
    call,
    sent,
    authorizations,
    advance(seconds: number) {
      time += seconds
    },
    tokens: () => tokens,
  }
}

const rejectsWith = (promise: Promise<unknown>, code: string): Promise<void> =>
  assert.rejects(promise, error => {
    assert.ok(error instanceof ClientError)
    assert.equal(error.code, code)
    assert.doesNotMatch(`${error.message}${JSON.stringify(error)}`, /token-\d|s3cret/)
    return true
  })

test('authorized fetch: adds the token, whatever the caller passes [RFC 6750 §2.1]', async () => {
  const { call, sent } = createApi([])
  const body = { method: 'POST', headers: { 'x-a': 'b', authorization: 'Basic eDp5' }, body: 'text' }
  await call(`${api}/a?b=c`, body)
  await call(new URL(`${api}/a?b=c`), body)
  await call(new Request(`${api}/a?b=c`, body))
  await call(new Request(`${api}/a?b=c`, { ...body, body: 'other' }), { body: 'text' })
  assert.equal(sent.length, 4)
  for (const { url, authorization, body, request } of sent) {
    assert.equal(url, `${api}/a?b=c`)
    assert.equal(authorization, 'Bearer token-1')
    assert.equal(body, 'text')
    assert.equal(request.method, 'POST')
    assert.equal(request.headers.get('x-a'), 'b')
  }
})

const forbidden = [
  'https://api.example.evil.example/',
  'https://evil.example/?https://api.example/',
  'https://user:s3cret@api.example/',
  'https://api.example:8443/',
  'http://api.example/',
  'data:text/plain,x',
]
for (const url of forbidden)
  test(`authorized fetch: sends nothing to ${url}`, async () => {
    const { call, sent } = createApi([])
    await rejectsWith(call(url), 'url_not_allowed')
    assert.equal(sent.length, 0)
  })

test('authorized fetch: an entry with a path allows what is below it', async () => {
  const { call, sent } = createApi([], { origins: [`${api}/v1/`] })
  for (const path of ['/v1', '/v1/', '/v1/a', '/x/../v1/a?b']) await call(api + path)
  assert.equal(sent.length, 4)
  const outside = [
    '/',
    '/v10',
    '/v1/../admin',
    '/v1/%2e%2e/admin',
    '/v1/..%2fadmin',
    '/v1/..%5Cadmin',
    '/v1/..;/admin',
    '/v1/..;x=1/admin',
    '/v1/..%3b/admin',
    '/V1/',
  ]
  for (const path of outside) await rejectsWith(call(api + path), 'url_not_allowed')
  assert.equal(sent.length, 4)
})

test('authorized fetch: http is for loopback and listed hosts', async () => {
  const { call } = createApi([], {
    origins: ['http://127.0.0.1:8080', 'http://api.internal'],
    httpHosts: ['api.internal'],
  })
  await call('http://127.0.0.1:8080/a')
  await call('http://api.internal/a')
  for (const origin of [
    'http://api.internal',
    'https://a:b@api.example',
    'https://api.example/?a',
    'https://api.example#a',
    'api.example',
    'ftp://api.example',
  ])
    assert.throws(() => createApi([], { origins: [origin] }), TypeError, origin)
})

test('authorized fetch: follows no redirect', async () => {
  const { call, sent } = createApi([redirect, redirect])
  await rejectsWith(call(`${api}/a`), 'redirect_not_followed')
  assert.equal((await call(`${api}/a`, { redirect: 'manual' })).status, 302)
  assert.deepEqual(
    sent.map(({ url, request }) => [url, request.redirect]),
    [
      [`${api}/a`, 'manual'],
      [`${api}/a`, 'manual'],
    ],
  )
  await call(`${api}/a`, { redirect: 'error' })
  assert.equal(sent[2]?.request.redirect, 'error')
})

test('authorized fetch: a refused token is renewed, and the request repeated with its body', async () => {
  const form = new FormData()
  form.append('a', 'b')
  const bodies: readonly (RequestInit['body'] | undefined)[] = [
    undefined,
    'text',
    new URLSearchParams({ a: 'b' }),
    new Blob(['x']),
    new Uint8Array([1]),
    form,
  ]
  for (const body of bodies)
    for (const asRequest of [false, true]) {
      const { call, sent, authorizations } = createApi([refuse('Bearer error="invalid_token"')])
      const init = body === undefined ? {} : { method: 'POST', body }
      const response = await (asRequest ? call(new Request(`${api}/a`, init)) : call(`${api}/a`, init))
      assert.equal(response.status, 200)
      assert.deepEqual(authorizations(), ['Bearer token-1', 'Bearer token-2'])
      const [first, second] = sent.map(({ body }) => body.replace(/formdata-undici-\d+/g, ''))
      assert.equal(first, second)
      if (body !== undefined) assert.notEqual(first, '')
    }
})

test('authorized fetch: a stream is sent once, and the token renewed for the next request', async () => {
  const { call, authorizations } = createApi([refuse('Bearer error="invalid_token"')])
  const body = new Blob(['text']).stream()
  const response = await call(`${api}/a`, { method: 'POST', body, duplex: 'half' } as RequestInit)
  assert.equal(response.status, 401)
  await call(`${api}/a`)
  assert.deepEqual(authorizations(), ['Bearer token-1', 'Bearer token-2'])
})

test('authorized fetch: a challenge that can not be read counts as a refused token', async () => {
  for (const challenge of [undefined, 'Bearer', 'Bearer realm="a"']) {
    const { call, authorizations } = createApi([refuse(challenge)])
    assert.equal((await call(`${api}/a`)).status, 200)
    assert.equal(authorizations().length, 2)
  }
  for (const [challenge, status] of [
    ['Basic realm="a"', 401],
    ['Bearer error="invalid_request"', 400],
    ['Bearer error="invalid_token"', 403],
  ] as const) {
    const { call, authorizations } = createApi([refuse(challenge, status)])
    assert.equal((await call(`${api}/a`)).status, status)
    assert.equal(authorizations().length, 1)
  }
})

test('authorized fetch: if an API refuses new tokens too, they are not renewed for each request', async () => {
  const { call, tokens, advance } = createApi(
    Array.from({ length: 20 }, () => refuse('Bearer error="invalid_token"')),
  )
  for (let request = 0; request < 5; request++) assert.equal((await call(`${api}/a`)).status, 401)
  assert.equal(tokens(), 2)
  advance(31)
  assert.equal((await call(`${api}/a`)).status, 401)
  assert.equal(tokens(), 3)
})

const scopeChallenge = refuse('Bearer error="insufficient_scope", scope="write"', 403)
const stepUpChallenge = refuse(
  'Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="5"',
)

test('authorized fetch: a callback obtains a better token [RFC 6750 §3.1, RFC 9470 §3]', async () => {
  for (const [reply, expected] of [
    [scopeChallenge, { scheme: 'bearer', error: 'insufficient_scope', scope: 'write' }],
    [
      stepUpChallenge,
      { scheme: 'bearer', error: 'insufficient_user_authentication', acr_values: 'mfa', max_age: 5 },
    ],
  ] as const) {
    const asked: unknown[] = []
    const { call, authorizations } = createApi([reply, reply], {
      async onChallenge(challenge) {
        asked.push(challenge)
        return { access_token: 'better', token_type: 'Bearer' }
      },
    })
    assert.equal((await call(`${api}/a`)).status, reply === scopeChallenge ? 403 : 401)
    assert.deepEqual(asked, [expected])
    assert.deepEqual(authorizations(), ['Bearer token-1', 'Bearer better'])
  }
})

test('authorized fetch: requests with equal challenges share one call', async () => {
  let asked = 0
  const { call } = createApi([stepUpChallenge, stepUpChallenge, stepUpChallenge], {
    async onChallenge() {
      asked += 1
      return { access_token: 'better', token_type: 'Bearer' }
    },
  })
  const responses = await Promise.all([call(`${api}/a`), call(`${api}/b`), call(`${api}/c`)])
  assert.deepEqual(
    responses.map(({ status }) => status),
    [200, 200, 200],
  )
  assert.equal(asked, 1)
})

test('authorized fetch: without a better token the response is returned, with its challenge and body', async () => {
  for (const options of [{}, { onChallenge: async () => undefined }]) {
    const { call, authorizations } = createApi([scopeChallenge], options)
    const response = await call(`${api}/a`)
    assert.equal(response.status, 403)
    assert.equal(challengeOf(response)?.scope, 'write')
    assert.equal(await response.text(), 'refused')
    assert.equal(authorizations().length, 1)
  }
})

const proof: Proof = {
  tokenType: 'DPoP',
  headers: async ({ method, url, accessToken }) => ({ dpop: `${method} ${url} ${accessToken?.length}` }),
  received: (_, { headers }) => headers.has('dpop-nonce'),
}

test('authorized fetch: a token bound to a key is sent with its type and a proof', async () => {
  const nonce: Reply = () =>
    new Response('', {
      status: 401,
      headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n' },
    })
  const { call, sent, authorizations } = createApi([nonce, refuse('DPoP error="invalid_token"')], {}, proof)
  assert.equal((await call(`${api}/a`, { method: 'post' })).status, 200)
  assert.deepEqual(authorizations(), ['DPoP token-1', 'DPoP token-1', 'DPoP token-2'])
  assert.equal(sent[0]?.request.headers.get('dpop'), `POST ${api}/a 7`)
})

test('authorized fetch: a token that can not be sent is not', async () => {
  const client = createClient({ issuer: 'https://id.example', client_id: 'app' })
  for (const [token, code] of [
    [{ access_token: 'token-1', token_type: 'mac' }, 'token_type_unsupported'],
    [{ access_token: 'token-1', token_type: 'DPoP' }, 'token_type_unsupported'],
    [{ access_token: 'token-1\r\nx: y', token_type: 'Bearer' }, 'access_token_invalid'],
  ] as const) {
    const call = createAuthorizedFetch(
      {
        client,
        accessToken: async () => ({ ok: true, value: token }),
        renew: async () => ({ ok: true, value: token }),
      },
      { origins: [api], fetch: () => assert.fail('sent') },
    )
    await rejectsWith(call(`${api}/a`), code)
  }
})

test('authorized fetch: rejects with the reason why there is no token', async () => {
  const client = createClient({ issuer: 'https://id.example', client_id: 'app' })
  const error = new ClientError('response', 'invalid_client', 'invalid_client')
  const none = async () => ({ ok: false, error }) as const
  const call = createAuthorizedFetch(
    { client, accessToken: none, renew: none },
    { origins: [api], fetch: () => assert.fail('sent') },
  )
  await assert.rejects(call(`${api}/a`), error)
})
