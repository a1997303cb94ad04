import {
  type Client,
  type ClientAuthentication,
  clientCredentials,
  clientSecretBasic,
  clientSecretPost,
  createClient,
  noAuthentication,
  password,
  pollDeviceToken,
  refreshToken,
  startDeviceAuthorization,
  unwrap,
} from '@tessera/client'
import { approveDevice, expect, expectEqual, type PortableCase, type PortableWorld } from './case.ts'

const as = (
  { issuer }: PortableWorld,
  client_id: string,
  authentication: ClientAuthentication = noAuthentication(),
): Client => createClient({ issuer, client_id, authentication })

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
]
