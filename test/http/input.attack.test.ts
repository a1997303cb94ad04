import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../support/characters.ts'
import { assertRefused } from '../support/refused.ts'
import { type Answer, basic, createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const grants = {
  authorization_code: ['code', 'redirect_uri', 'code_verifier'],
  client_credentials: ['scope', 'resource'],
  password: ['username', 'password', 'acr_values', 'scope', 'resource'],
  refresh_token: ['refresh_token', 'scope', 'resource'],
  'urn:ietf:params:oauth:grant-type:device_code': ['device_code', 'resource'],
  'urn:ietf:params:oauth:grant-type:token-exchange': [
    'subject_token',
    'subject_token_type',
    'actor_token',
    'actor_token_type',
    'requested_token_type',
    'audience',
    'resource',
    'scope',
  ],
  'urn:ietf:params:oauth:grant-type:jwt-bearer': ['assertion', 'scope'],
} as const

const partnerKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })

const everything = {
  ...withClients({
    client_id: 'all',
    client_secrets: [{ value: secret }],
    grant_types: Object.keys(grants),
    redirect_uris: ['https://app.example/cb'],
    scope: 'openid profile api1 offline_access',
    allow_plain_pkce: true,
  } as never),
  trusted_issuers: [{ issuer: 'https://partner.example', jwks: { keys: [partnerKey] } }],
}

const inputs = {
  NUL: 'a\0b',
  'CR LF': 'a\r\nSet-Cookie: x=y\r\n\r\nb',
  'a line break': '\n',
  'other controls': '\u0001\u001B[31m\u007F',
  quotes: `"'\`\\`,
  markup: '<script>alert(1)</script>',
  SQL: "'; drop table codes; --",
  'a format': '%s%n%x',
  'a template': '#{7*7}{{7*7}}<%= 7*7 %>',
  'a path': '../../../../etc/passwd\0',
  'a prototype': '__proto__',
  'other letters': 'ａｄｍｉｎ',
  'a right-to-left mark': '\u202Eabc',
  'a lone BOM': '\uFEFF',
  'an emoji': '👩‍👩‍👧‍👦',
  'only spaces': '   ',
  'a number': '-1e309',
  JSON: '{"$gt":""}',
  'a JWT of nothing': 'e30.e30.e30',
  'a JWT with a prototype': `${Buffer.from('{"__proto__":{"alg":"none"}}').toString('base64url')}.e30.`,
  'a URL': 'https://evil.example/?x=1#y',
  'a long one': 'x'.repeat(5000),
  'a longest one': 'x'.repeat(20_000),
}

/** RFC 6749 §5.2, RFC 8628 §3.5, RFC 8707 §2: all errors that a token request may get. */
const errors = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'access_denied',
])

function assertRefusedCleanly({ status, json, headers, body }: Answer, what: string): void {
  assert.ok(status === 400 || status === 401, `${what}: ${status}`)
  assert.ok(errors.has(json.error), `${what}: ${json.error}`)
  assert.match(String(headers['cache-control']), /no-store/, what)
  // RFC 6749 §5.2: printable ASCII without quotation mark and backslash.
  if (json.error_description !== undefined)
    assert.match(json.error_description, /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/, what)
  for (const value of Object.values(headers).flat()) assert.doesNotMatch(value, /[\r\n\0]/, what)
  assert.ok(!body.includes('<script'), what)
}

for (const [grant_type, parameters] of Object.entries(grants)) {
  test(`attack: hostile text in any parameter of ${grant_type} is at most refused`, async () => {
    const server = await createTestServer(everything)
    for (const parameter of parameters) {
      for (const [what, text] of Object.entries(inputs)) {
        const form = { ...likely(grant_type), grant_type, [parameter]: text }
        const answer = await server.token(form, { client: ['all', secret] })
        // Text that counts as empty, or that a grant does not read, may pass.
        if (answer.status !== 200) assertRefusedCleanly(answer, `${parameter}: ${what}`)
        assert.equal(answer.json.refresh_token, undefined)
      }
    }
    assertNoFaults(server)
  })
}

const likely = (grantType: string): Record<string, string> => {
  const urn = 'urn:ietf:params:oauth:token-type:access_token'
  if (grantType === 'authorization_code')
    return { code: 'tc_x', redirect_uri: 'https://app.example/cb', code_verifier: 'x'.repeat(43) }
  if (grantType === 'password') return { username: 'bob', password: 'wrong' }
  if (grantType.endsWith('token-exchange'))
    return { subject_token: 'x', subject_token_type: urn, actor_token: 'x', actor_token_type: urn }
  return {}
}

const assertNoFaults = (server: TestServer): void =>
  assert.deepEqual(
    server.logged.filter(({ level }) => level === 'error'),
    [],
  )

test('attack: hostile text in client credentials, method and media type is refused cleanly', async () => {
  const server = await createTestServer(everything)
  for (const [what, text] of Object.entries(inputs)) {
    for (const answer of [
      await server.token({ grant_type: 'client_credentials', client_id: text }),
      await server.token({ grant_type: 'client_credentials', client_id: 'all', client_secret: text }),
      await server.token({ grant_type: text }, { client: ['all', secret] }),
      await server.token({ grant_type: 'client_credentials' }, { client: [text, secret] }),
      await server.token({ grant_type: 'client_credentials' }, { client: ['all', text] }),
      await server.token(
        { grant_type: 'client_credentials' },
        { client: ['all', secret], headers: { 'content-type': text } },
      ),
      await server.token({
        grant_type: 'client_credentials',
        client_assertion: text,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      }),
    ])
      assertRefusedCleanly(answer, what)
  }
  assertNoFaults(server)
})

test('attack: hostile text at introspection, revocation, userinfo and device authorization is refused cleanly', async () => {
  const server = await createTestServer(everything)
  const client = { client_id: 'all', client_secret: secret }
  for (const [what, text] of Object.entries(inputs)) {
    for (const path of ['/connect/introspect', '/connect/revocation']) {
      for (const prefix of ['', 'tr_', 'ta_', 'ey']) {
        const { status, body } = await server.send('POST', path, {
          form: { ...client, token: prefix + text, token_type_hint: text },
        })
        assert.ok([200, 400].includes(status), `${path} ${what}: ${status}`)
        assert.ok(!body.includes('"active":true'))
      }
    }
    const device = await server.send('POST', '/connect/deviceauthorization', {
      form: { ...client, scope: text },
    })
    if (device.status !== 200) assertRefusedCleanly(device, what)
    const told = await server.send('GET', '/connect/userinfo', {
      headers: { authorization: `Bearer ${text}` },
    })
    assert.ok([400, 401].includes(told.status), what)
    assert.doesNotMatch(String(told.headers['www-authenticate']), /[\r\n\0]/)
  }
  assertNoFaults(server)
})

const names = ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', '__defineGetter__', 'then']

for (const name of names) {
  test(`attack: a parameter named ${name} changes nothing`, async () => {
    const server = await createTestServer(everything)
    for (const field of [name, `${name}[scope]`, `${name}.scope`, `scope[${name}]`]) {
      const { status, json } = await server.token(
        { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1', [field]: 'api2' },
        { client: ['roclient', secret] },
      )
      assert.equal(status, 200, field)
      assert.equal(json.scope, 'api1')
    }
    assert.equal(({} as Record<string, unknown>).scope, undefined)
  })
}

test('attack: ten thousand parameters, equal, colliding or empty, are refused immediately', async () => {
  const server = await createTestServer(everything)
  const count = 10_000
  const bodies = {
    unlike: Array.from({ length: count }, (_, index) => `p${index}=1`).join('&'),
    alike: Array.from({ length: count }, () => 'scope=api1').join('&'),
    'without names': Array.from({ length: count }, () => '=1').join('&'),
    'of numbers': Array.from({ length: count }, (_, index) => `${index}=`).join('&'),
    resources: Array.from({ length: count }, () => 'resource=urn:api').join('&'),
    // Names with the same hash in engines with a fixed hash seed.
    colliding: Array.from(
      { length: count },
      (_, index) => `${index.toString(2).padStart(14, '0').replaceAll('0', 'Aa').replaceAll('1', 'BB')}=1`,
    ).join('&'),
  }
  // A repetition is found before the limit is reached.
  const refusals: Record<string, string> = {
    alike: 'repeated_parameter',
    'without names': 'repeated_parameter',
  }
  for (const [what, body] of Object.entries(bodies)) {
    const { status, json, reason } = await server.token(`grant_type=client_credentials&${body}`, {
      client: ['all', secret],
    })
    assert.equal(status, 400, what)
    assertRefused({ json, reason }, 'invalid_request', refusals[what] ?? 'too_many_parameters', what)
  }
  // Separators alone are not parameters.
  const separators = await server.token(`grant_type=client_credentials&scope=api1${'&'.repeat(count)}`, {
    client: ['all', secret],
  })
  assert.equal(separators.status, 200)
})

test('attack: deeply nested bodies and bodies that are not forms are refused unread', async () => {
  const server = await createTestServer(everything)
  for (const [type, body] of [
    ['application/json', '['.repeat(30_000)],
    ['application/json', JSON.stringify({ grant_type: 'client_credentials' })],
    ['application/xml', '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'],
    [
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\npassword\r\n--x--',
    ],
    ['text/plain', 'grant_type=client_credentials'],
    ['application/x-www-form-urlencodedx', 'grant_type=client_credentials'],
    ['application/x-www-form-urlencoded, application/json', 'grant_type=client_credentials'],
  ] as const) {
    const { status, json, reason } = await server.send('POST', '/connect/token', {
      body,
      headers: { 'content-type': type, ...basic('all', secret) },
    })
    assert.equal(status, 400, type)
    assertRefused({ json, reason }, 'invalid_request', 'media_type_not_form', type)
  }
})

test('attack: whatever bytes are sent, the token endpoint responds by its rules', async () => {
  const server = await createTestServer(everything)
  const grantType = fc.constantFrom(...Object.keys(grants))
  const parameter = fc.constantFrom(...new Set(Object.values(grants).flat()))
  const pair = fc.tuple(
    fc.oneof(parameter, fc.string({ unit: anyCharacter, maxLength: 20 })),
    fc.string({ unit: anyCharacter, maxLength: 80 }),
  )
  const form = fc
    .tuple(grantType, fc.array(pair, { maxLength: 8 }), fc.boolean())
    .map(([grant_type, pairs, encoded]) => {
      const rest = encoded
        ? new URLSearchParams(pairs.map(([name, value]) => [name, value])).toString()
        : pairs.map(([name, value]) => `${name}=${value}`).join('&')
      return `grant_type=${grant_type}&${rest}`
    })
  await fc.assert(
    fc.asyncProperty(form, async body => {
      const answer = await server.token(body, { client: ['all', secret] })
      if (answer.status !== 200) assertRefusedCleanly(answer, body)
    }),
    { numRuns: 400 },
  )
  assertNoFaults(server)
})

test('attack: refusals are logged without the secrets of the request', async () => {
  const server = await createTestServer(everything)
  const planted = 'PLANTED-7f3a'
  for (const [grant_type, parameters] of Object.entries(grants)) {
    const secrets = parameters.filter(name => !['scope', 'resource', 'audience', 'acr_values'].includes(name))
    const form = Object.fromEntries(secrets.map(name => [name, planted]))
    await server.token({ ...form, grant_type }, { client: ['all', secret] })
    await server.token({ ...form, grant_type, client_id: 'all', client_secret: planted })
    await server.token({ ...form, grant_type }, { headers: { authorization: `Basic ${planted}` } })
  }
  await server.send('POST', '/connect/introspect', {
    form: { client_id: 'all', client_secret: secret, token: planted },
  })
  await server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${planted}` } })
  assert.ok(server.logged.length > 10)
  assert.ok(!JSON.stringify(server.logged).includes(planted))
})

const module = (more: object) => ({
  ...world,
  grants: [{ grantType: 'urn:example:echo', parameters: {}, ...more }],
  clients: [
    ...world.clients,
    {
      client_id: 'echo',
      client_secrets: [{ value: secret }],
      grant_types: ['urn:example:echo'],
      scope: 'api1',
    },
  ],
})

const echo = (server: TestServer, note: string): Promise<Answer> =>
  server.token({ grant_type: 'urn:example:echo', note }, { client: ['echo', secret] })

for (const error of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
  test(`attack: a module that echoes ${error} as its error gets a 400 response like any other`, async () => {
    const server = await createTestServer(
      module({ decide: ({ parameters }: any) => ({ ok: false, error: parameters.get('note') }) }),
    )
    const { status, json } = await echo(server, error)
    assert.equal(status, 400)
    assert.equal(json.error, error)
  })
}

test('attack: a module that echoes text as its description is limited to the characters of RFC 6749 §5.2', async () => {
  const server = await createTestServer(
    module({
      decide: ({ parameters }: any) => ({ ok: false, description: `unknown: ${parameters.get('note')}` }),
    }),
  )
  for (const note of ['a "quoted" \\ text', 'ünïcode', 'line\r\nend', '😀']) {
    const { status, json } = await echo(server, note)
    assert.equal(status, 400)
    assert.match(json.error_description, /^unknown: [\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
  }
})

test('attack: an extension grant’s parameters do not shorten those of other grants', async () => {
  const server = await createTestServer(
    module({
      parameters: {
        refresh_token: { maxLength: 5 },
        password: { maxLength: 1 },
        client_secret: { maxLength: 1 },
      },
      decide: () => ({ ok: false }),
    }),
  )
  const { json } = await server.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1 offline_access' },
    { client: ['roclient', secret] },
  )
  assert.ok(json.refresh_token)
  const { status } = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token },
    { client: ['roclient', secret] },
  )
  assert.equal(status, 200)
})

test('attack: no member of a module replaces a standard one, issued_token_type included [RFC 8693 §2.2.1]', async () => {
  const server = await createTestServer({
    ...world,
    validators: {
      tokenRequest: () => ({
        ok: true,
        members: {
          issued_token_type: 'x',
          access_token: 'x',
          token_type: 'x',
          refresh_token: 'x',
          id_token: 'x',
          extra: 1,
        },
      }),
    },
  })
  const { json } = await server.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1' },
    { client: ['roclient', secret] },
  )
  assert.equal(json.token_type, 'Bearer')
  assert.equal(json.extra, 1)
  assert.equal(json.refresh_token, undefined)
  assert.equal(json.id_token, undefined)
  const urn = 'urn:ietf:params:oauth:token-type:access_token'
  const exchanged = await server.token(
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: json.access_token,
      subject_token_type: urn,
    },
    { client: ['exchanger', secret] },
  )
  assert.equal(exchanged.json.issued_token_type, urn)
})

test('attack: a validator gets no credential', async () => {
  let seen = ''
  const server = await createTestServer({
    ...world,
    validators: {
      tokenRequest: (request: { parameters: ReadonlyMap<string, string> }) => {
        seen += JSON.stringify([...request.parameters])
        return { ok: true }
      },
    },
  })
  const { json } = await server.token({
    grant_type: 'password',
    username: 'bob',
    password: 'bob',
    scope: 'api1',
    client_id: 'roclient',
    client_secret: secret,
  })
  await server.token({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: json.access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    client_id: 'exchanger',
    client_secret: secret,
  })
  assert.ok(seen.includes('exchanger'))
  for (const hidden of [json.access_token, '"password","bob"', `"${secret}"`])
    assert.ok(!seen.includes(hidden))
})

test('attack: the host, forwarded and method headers of a request appear nowhere in a response', async () => {
  const server = await createTestServer(world)
  const { json } = await server.send('GET', '/.well-known/openid-configuration', {
    headers: {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.example',
      'x-original-url': '/evil',
    },
  })
  assert.equal(json.issuer, issuer)
  assert.ok(!JSON.stringify(json).includes('evil'))
  const overridden = await server.send('GET', '/connect/token', {
    headers: { 'x-http-method-override': 'POST', 'x-method-override': 'POST' },
  })
  assert.equal(overridden.status, 405)
})
