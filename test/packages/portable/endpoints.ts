import {
  clientCredentials,
  clientSecretBasic,
  createIssuer,
  deleteRegistration,
  introspectToken,
  readRegistration,
  refreshToken,
  registerClient,
  revokeToken,
  unwrap,
} from '@tessera/client'
import { signIn } from './authorization.ts'
import { as, errorOf, expect, expectEqual, type PortableCase } from './case.ts'

export const endpointCases: readonly PortableCase[] = [
  {
    name: 'a refresh token that was revoked is refused',
    async run(world) {
      const client = as(world, 'app')
      const { refresh_token = '' } = await signIn(world, client)
      unwrap(await revokeToken(client, refresh_token, { token_type_hint: 'refresh_token' }))
      expectEqual(errorOf(await refreshToken(client, refresh_token)), 'response invalid_grant', 'error')
    },
  },
  {
    name: 'introspection of a token, and of one that is not',
    notInBrowsers: 'scripts of other origins may not introspect',
    async run(world) {
      const authentication = clientSecretBasic(world.secret)
      const { access_token } = unwrap(await clientCredentials(as(world, 'machine', authentication)))
      const api = as(world, 'urn:api', authentication)
      const introspection = unwrap(await introspectToken(api, access_token))
      expect(introspection.active, 'the token is not active')
      expectEqual(introspection.client_id, 'machine', 'client_id')
      expectEqual(unwrap(await introspectToken(api, 'x')).active, false, 'active')
    },
  },
  {
    name: 'registration of a client, and its removal',
    async run(world) {
      const issuer = createIssuer(world.issuer)
      const metadata = { redirect_uris: [world.redirect_uri], token_endpoint_auth_method: 'none' }
      const registered = unwrap(await registerClient(issuer, metadata))
      expectEqual(
        unwrap(await readRegistration(issuer, registered)).client_id,
        registered.client_id,
        'client_id',
      )
      unwrap(await deleteRegistration(issuer, registered))
      expectEqual(errorOf(await readRegistration(issuer, registered)), 'response invalid_token', 'error')
    },
  },
]
