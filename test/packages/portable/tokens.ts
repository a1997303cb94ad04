import {
  clientCredentials,
  clientSecretBasic,
  clientSecretPost,
  exchangeToken,
  extensionGrant,
  importSigningKey,
  jwtBearer,
  password,
  pollDeviceToken,
  privateKeyJwt,
  refreshToken,
  signJwt,
  startDeviceAuthorization,
  tokenTypes,
  unwrap,
} from '@tessera/client'
import { approveDevice, as, errorOf, expect, expectEqual, type PortableCase } from './case.ts'

export const tokenCases: readonly PortableCase[] = [
  {
    name: 'client credentials, with the secret in the header and in the body',
    async run(world) {
      for (const authentication of [clientSecretBasic(world.secret), clientSecretPost(world.secret)]) {
        const tokens = unwrap(
          await clientCredentials(as(world, 'machine', authentication), { scope: 'api1' }),
        )
        expectEqual(tokens.token_type, 'Bearer', 'token_type')
        expectEqual(tokens.expires_in, 3600, 'expires_in')
        expect(tokens.access_token.split('.').length === 3, 'the access token is not a JWT')
      }
    },
  },
  {
    name: 'a wrong secret is an error with the code of the server, without the secret',
    async run(world) {
      const wrong = 'not-the-secret'
      const tokens = await clientCredentials(as(world, 'machine', clientSecretBasic(wrong)))
      expect(!tokens.ok, 'the server accepts a wrong secret')
      const { kind, code, status, mayHaveSucceeded } = tokens.error
      expectEqual(
        `${kind} ${code} ${status} ${mayHaveSucceeded}`,
        'response invalid_client 401 false',
        'error',
      )
      expect(
        !`${tokens.error.message}${JSON.stringify(tokens.error)}`.includes(wrong),
        'the secret is in the error',
      )
    },
  },
  {
    name: 'password, and a refresh that rotates the refresh token',
    async run(world) {
      const client = as(world, 'password', clientSecretBasic(world.secret))
      const credentials = { username: 'bob', password: 'bob' }
      const tokens = unwrap(await password(client, credentials, { scope: 'api1 offline_access' }))
      expect(tokens.refresh_token, 'there is no refresh token')
      const refreshed = unwrap(await refreshToken(client, tokens.refresh_token))
      expect(refreshed.refresh_token, 'there is no new refresh token')
      expect(refreshed.refresh_token !== tokens.refresh_token, 'the refresh token was not rotated')
      const wrong = await password(client, { ...credentials, password: 'x' })
      expectEqual(wrong.ok || wrong.error.code, 'invalid_grant', 'error')
    },
  },
  {
    name: 'device authorization: pending, then approved by a person',
    async run(world) {
      const client = as(world, 'device')
      const device = unwrap(await startDeviceAuthorization(client, { scope: 'api1' }))
      expect(device.verification_uri_complete, 'there is no verification_uri_complete')
      const states: string[] = []
      const polling = pollDeviceToken(client, device, {
        async sleep(seconds) {
          if (states.length === 2) await approveDevice(world, device.verification_uri_complete ?? '')
          await new Promise(resolve => setTimeout(resolve, seconds * 1000))
        },
        progress: ({ state }) => void states.push(state),
      })
      expectEqual(unwrap(await polling).scope, 'api1', 'scope')
      expectEqual(states.join(), 'pending,pending', 'states')
    },
  },
  {
    name: 'client credentials, with an assertion that is signed by a key',
    async run(world) {
      const tokens = await clientCredentials(as(world, 'key', privateKeyJwt(world.key)), { scope: 'api1' })
      expectEqual(unwrap(tokens).scope, 'api1', 'scope')
    },
  },
  {
    name: 'token exchange, by its function and as an extension grant',
    async run(world) {
      const authentication = clientSecretBasic(world.secret)
      const credentials = { username: 'bob', password: 'bob' }
      const client = as(world, 'password', authentication)
      const { access_token } = unwrap(await password(client, credentials, { scope: 'api1' }))
      const gateway = as(world, 'gateway', authentication)
      const subject = { subject_token: access_token, subject_token_type: tokenTypes.accessToken }
      const exchanged = unwrap(await exchangeToken(gateway, subject, { scope: 'api1' }))
      expectEqual(exchanged.issued_token_type, tokenTypes.accessToken, 'issued_token_type')
      const type = 'urn:ietf:params:oauth:grant-type:token-exchange'
      expectEqual(unwrap(await extensionGrant(gateway, type, subject)).token_type, 'Bearer', 'token_type')
    },
  },
  {
    name: 'an assertion of another issuer is exchanged for a token, once',
    async run(world) {
      const key = await importSigningKey(world.key)
      const now = Math.floor(Date.now() / 1000)
      const claims = { iss: world.trustedIssuer, sub: '88421113', aud: world.issuer, exp: now + 60 }
      const assertion = await signJwt({ ...claims, jti: crypto.randomUUID() }, key)
      const client = as(world, 'bearer', clientSecretBasic(world.secret))
      expectEqual(unwrap(await jwtBearer(client, assertion, { scope: 'api1' })).scope, 'api1', 'scope')
      expectEqual(errorOf(await jwtBearer(client, assertion)), 'response invalid_grant', 'error')
    },
  },
]
