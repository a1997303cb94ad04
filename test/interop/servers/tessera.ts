/** Tessera, as applications start it in their tests. */

import { clientSecretBasic, clientSecretPost, noAuthentication, privateKeyJwt } from '@tessera/client'
import { startTestServer } from '../../../packages/server/src/testing.ts'
import { createVisitor, type InteropServer, redirect_uri, secret } from './server.ts'

const scope = 'api1'
const resource = 'urn:api'
const client_secrets = [{ value: secret }]

export async function startTessera(): Promise<InteropServer> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    { name: 'ECDSA', namedCurve: 'P-256' },
    true,
    ['sign', 'verify'],
  )
  const jwk = {
    ...(await crypto.subtle.exportKey('jwk', publicKey)),
    kid: 'machine',
    alg: 'ES256',
    use: 'sig',
  }
  const server = await startTestServer({
    api_scopes: [{ name: scope }],
    api_resources: [{ name: resource, scopes: [scope], api_secrets: [{ value: secret }] }],
    registration: { mode: 'open' },
    clients: [
      { client_id: 'machine', client_secrets, grant_types: ['client_credentials'], scope },
      {
        ...{ client_id: 'machine-key', token_endpoint_auth_method: 'private_key_jwt', scope },
        ...{ jwks: { keys: [jwk] }, grant_types: ['client_credentials'] },
      },
      {
        ...{ client_id: 'web', client_secrets, redirect_uris: [redirect_uri] },
        ...{ grant_types: ['authorization_code', 'refresh_token'] },
        scope: `openid profile offline_access ${scope}`,
      },
      {
        ...{ client_id: 'device', token_endpoint_auth_method: 'none', scope: `openid ${scope}` },
        ...{ grant_types: ['urn:ietf:params:oauth:grant-type:device_code'], device_polling_interval: 1 },
      },
    ],
  } as never)
  return {
    ...{ name: 'Tessera', issuer: server.issuer, redirect_uri, scope, resource },
    machines: [
      { client_id: 'machine', authentication: clientSecretBasic(secret) },
      { client_id: 'machine', authentication: clientSecretPost(secret) },
      { client_id: 'machine-key', authentication: privateKeyJwt(privateKey, { kid: 'machine' }) },
    ],
    web: { client_id: 'web', authentication: clientSecretBasic(secret) },
    api: { client_id: resource, authentication: clientSecretBasic(secret) },
    device: { client_id: 'device', authentication: noAuthentication() },
    authorize: async url => (await server.signIn(url)).url.href,
    open: async url => (await createVisitor(server.issuer).visit(url)).url.href,
    approveDevice: ({ user_code }) => server.approveDevice(user_code),
    replaceKeys: async () => void (await server.rotateKeys({ retire: true })),
    close: () => server.close(),
  }
}
