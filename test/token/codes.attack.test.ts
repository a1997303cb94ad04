import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { approveDevice, challenge, issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { type Answer, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const web = ['web', secret] as const
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

const redeem = (
  server: TestServer,
  code: string,
  more: Record<string, string | undefined> = {},
): Promise<Answer> =>
  server.token(
    {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      ...more,
    },
    { client: web },
  )

const wrongRedirects = [
  'https://app.example/cb/',
  'https://app.example/CB',
  'https://APP.example/cb',
  'https://app.example:443/cb',
  'https://app.example/./cb',
  'https://app.example/x/../cb',
  'https://app.example/cb?',
  'https://app.example/cb?x=1',
  'https://app.example/cb#',
  'https://app.example/%63b',
  'https://app.example@evil.example/cb',
  'https://app.example.evil.example/cb',
  'https://evil.example/cb',
  'http://app.example/cb',
  '//app.example/cb',
  '/cb',
  ' https://app.example/cb',
  'https://app.example/cb\n',
  'https://app.example/cb\r\nLocation: https://evil.example',
  'https://app.example/c\u0062\u0301',
]

for (const redirect_uri of wrongRedirects) {
  test(`attack: a code for one redirect URI can’t be redeemed with ${JSON.stringify(redirect_uri)}`, async () => {
    const server = await createTestServer(world)
    const code = await issueCode(server)
    const { status, json, reason } = await redeem(server, code, { redirect_uri })
    assert.equal(status, 400)
    assertRefused({ json, reason }, 'invalid_grant', 'redirect_uri_differs')
    // RFC 9700 §4.5: an attempt with wrong proofs burns the code.
    assertRefused(await redeem(server, code), 'invalid_grant', 'code_replayed')
  })
}

const wrongVerifiers = {
  'the challenge itself': challenge,
  'one character more': `${verifier}A`,
  'one character less': verifier.slice(0, -1),
  'other case': verifier.toUpperCase(),
  'a trailing space': `${verifier} `,
  'a trailing line break': `${verifier}\n`,
  'padding after': `${verifier}=`,
  'nothing but spaces': '   ',
  'a missing one': undefined,
  'the verifier twice': verifier + verifier,
}

for (const [what, code_verifier] of Object.entries(wrongVerifiers)) {
  test(`attack: ${what} instead of the verifier is refused and burns the code`, async () => {
    const server = await createTestServer(world)
    const code = await issueCode(server)
    assertRefused(
      await redeem(server, code, { code_verifier }),
      'invalid_grant',
      code_verifier === undefined ? 'code_verifier_missing' : 'code_verifier_wrong',
    )
    assertRefused(await redeem(server, code), 'invalid_grant', 'code_replayed')
  })
}

test('attack: the challenge method is that of the authorization request, not of the token request', async () => {
  const server = await createTestServer(withClients({ client_id: 'web', allow_plain_pkce: true } as never))
  const code = await issueCode(server)
  const { json, reason } = await redeem(server, code, {
    code_verifier: challenge,
    code_challenge_method: 'plain',
  })
  assertRefused({ json, reason }, 'invalid_grant', 'code_verifier_wrong')
})

for (const [what, code_verifier] of [
  ['of as many characters, but more bytes', 'é'.repeat(43)],
  ['of surrogate pairs', '😀'.repeat(43)],
  ['that is too short', 'short'],
] as const) {
  test(`attack: a plain verifier ${what} is refused and burns the code [RFC 7636 §4.1]`, async () => {
    const server = await createTestServer(withClients({ client_id: 'web', allow_plain_pkce: true } as never))
    const code_challenge = what.endsWith('short') ? 'short' : verifier
    const code = await issueCode(server, {}, { code_challenge, code_challenge_method: 'plain' })
    const { status, json, reason } = await redeem(server, code, { code_verifier })
    assert.equal(status, 400)
    assertRefused({ json, reason }, 'invalid_grant', 'code_verifier_wrong')
    assertRefused(await redeem(server, code, { code_verifier: verifier }), 'invalid_grant', 'code_replayed')
  })
}

test('attack: a credential of one kind is not accepted as another', async () => {
  const server = await createTestServer(
    withClients({
      client_id: 'web',
      grant_types: ['authorization_code', 'refresh_token', deviceGrant],
    } as never),
  )
  const code = await issueCode(server, { scope: ['api1', 'offline_access'] })
  const { json: device } = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'web', client_secret: secret },
  })
  const { json } = await redeem(server, await issueCode(server, { scope: ['api1', 'offline_access'] }))
  const credentials = { code, device_code: device.device_code, refresh_token: json.refresh_token }
  const grants = { code: 'authorization_code', device_code: deviceGrant, refresh_token: 'refresh_token' }
  const unknown = {
    code: 'code_unknown',
    device_code: 'device_code_unknown',
    refresh_token: 'refresh_token_malformed',
  } as const
  for (const [kind, value] of Object.entries({ ...credentials, access_token: json.access_token })) {
    for (const [parameter, grant_type] of Object.entries(grants) as [keyof typeof grants, string][]) {
      if (parameter === kind) continue
      // An access token is longer than a code. A refresh token of an earlier server may be as long.
      const isTooLong = kind === 'access_token' && parameter !== 'refresh_token'
      const reason = isTooLong ? 'parameter_too_long' : unknown[parameter]
      const answer = await server.token(
        { grant_type, [parameter]: value, redirect_uri: redirectUri, code_verifier: verifier },
        { client: web },
      )
      assertRefused(answer, 'invalid_grant', reason, `${kind} as ${parameter}`)
    }
  }
  assert.equal((await redeem(server, code)).status, 200)
})

test('attack: other spellings of a code are refused', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server)
  for (const other of [
    ` ${code}`,
    `${code} `,
    `${code}\n`,
    code.toUpperCase(),
    `${code}\u200B`,
    `\uFEFF${code}`,
    code.slice(3),
    `TC_${code.slice(3)}`,
  ])
    assertRefused(await redeem(server, other), 'invalid_grant', 'code_unknown', JSON.stringify(other))
  assert.equal((await redeem(server, code)).status, 200)
})

test('attack: a loopback address with an invalid port is not a valid redirect URI [RFC 8252 §7.3]', async () => {
  const native = {
    client_id: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]/cb'],
    scope: 'openid',
  }
  const server = await createTestServer(withClients(native))
  const ask = (redirect_uri: string) => {
    const parameters = { client_id: 'native', response_type: 'code', scope: 'openid', redirect_uri }
    const pkce = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }
    return server.send('GET', `/connect/authorize?${new URLSearchParams({ ...parameters, ...pkce })}`)
  }
  for (const host of ['127.0.0.1', '[::1]']) {
    assert.equal((await ask(`http://${host}:65535/cb`)).status, 302)
    for (const port of ['65536', '99999', '', ' 80', '080000', '80@evil.example'])
      assert.equal((await ask(`http://${host}:${port}/cb`)).status, 400, port)
  }
})

test('attack: a code in the query of the token endpoint is ignored', async () => {
  const server = await createTestServer(world)
  const code = await issueCode(server)
  const query = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri })
  const { json, reason } = await server.send(
    'POST',
    `/connect/token?${query}&client_id=web&client_secret=secret`,
    {
      form: {},
    },
  )
  assertRefused({ json, reason }, 'invalid_client', 'client_id_missing')
})

test('attack: a code is refused if its client was disabled or its sign-in revoked', async () => {
  const before = await createTestServer(world)
  const code = await issueCode(before)
  const revoked = await issueCode(before)
  const { authorization } = (await before.stores.codes.find(hashHandle(revoked)))!
  await before.stores.authorizations.revoke(authorization.id, before.clock.now())
  assertRefused(await redeem(before, revoked), 'invalid_grant', 'authorization_revoked')
  const after = await createTestServer(withClients({ client_id: 'web', enabled: false } as never), {
    stores: before.stores,
  })
  assertRefused(await redeem(after, code), 'invalid_client', 'client_disabled')
})

test('attack: a decision is not committed if the client or user was disabled since', async () => {
  const server: TestServer = await createTestServer({
    ...world,
    profile: {
      // While the claims are read, an operator removes the client.
      claims: async () => {
        await server.stores.principals.sync({ clients: [], users: [] })
        return {}
      },
    },
  })
  const code = await issueCode(server)
  const { status, json, reason } = await redeem(server, code)
  assert.equal(status, 400)
  assertRefused({ json, reason }, 'invalid_grant', 'no_longer_valid')
  assert.equal(json.access_token, undefined)
})

test('attack: a code that expires during the request yields nothing', async () => {
  const server: TestServer = await createTestServer({
    ...world,
    profile: {
      claims: async () => {
        server.clock.advance(301)
        return {}
      },
    },
  })
  const { json, reason } = await redeem(server, await issueCode(server))
  assertRefused({ json, reason }, 'invalid_grant', 'no_longer_valid')
})

test('attack: a sign-in revoked during the request yields nothing', async () => {
  const server: TestServer = await createTestServer({
    ...world,
    profile: {
      claims: async () => {
        const { authorization } = (await server.stores.codes.find(hashHandle(code)))!
        await server.stores.authorizations.revoke(authorization.id, server.clock.now())
        return {}
      },
    },
  })
  const code = await issueCode(server, { scope: ['api1', 'offline_access'] })
  const refused = await redeem(server, code)
  assertRefused(refused, 'invalid_grant', 'no_longer_valid')
  assert.deepEqual(Object.keys(refused.json).toSorted(), ['error', 'error_description'])
})

async function startDevice(server: TestServer) {
  const { json } = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'device' },
  })
  const found = await server.stores.devices.find(hashHandle(json.device_code))
  return { ...json, userCode: found!.device.user_code_hash as never }
}

test('attack: a device that polls faster and faster gets slow_down, and learns only the user’s decision [RFC 8628 §3.5]', async () => {
  const server = await createTestServer(world)
  const device = await startDevice(server)
  const poll = () =>
    server.token({ grant_type: deviceGrant, client_id: 'device', device_code: device.device_code })
  assertRefused(await poll(), 'authorization_pending', 'device_pending')
  for (let time = 0; time < 20; time++) {
    server.clock.advance(1)
    assertRefused(await poll(), 'slow_down', 'device_polled_too_fast')
  }
  await approveDevice(server, device.userCode, { scope: ['api1'] })
  assert.equal((await poll()).status, 200)
  assertRefused(await poll(), 'invalid_grant', 'device_code_used')
})

test('attack: another client, or none, can neither redeem a device code nor slow down its owner', async () => {
  const server = await createTestServer(world)
  const device = await startDevice(server)
  await approveDevice(server, device.userCode, { scope: ['api1'] })
  for (let time = 0; time < 5; time++) {
    const stolen = await server.token({
      grant_type: deviceGrant,
      client_id: 'device2',
      device_code: device.device_code,
    })
    assertRefused(stolen, 'invalid_grant', 'device_code_of_another_client')
    const anonymous = await server.token({ grant_type: deviceGrant, device_code: device.device_code })
    assertRefused(anonymous, 'invalid_client', 'client_id_missing')
  }
  const { status } = await server.token({
    grant_type: deviceGrant,
    client_id: 'device',
    device_code: device.device_code,
  })
  assert.equal(status, 200)
})

test('attack: a denied or used device code can’t be approved', async () => {
  const server = await createTestServer(world)
  const device = await startDevice(server)
  assert.equal(await server.stores.devices.deny(device.userCode, server.clock.now()), true)
  assert.equal(await approveDevice(server, device.userCode, { scope: ['api1'] }), false)
  const { json } = await server.token({
    grant_type: deviceGrant,
    client_id: 'device',
    device_code: device.device_code,
  })
  assert.equal(json.error, 'access_denied')
})
