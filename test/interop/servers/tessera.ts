/** Tessera, as applications start it in their tests. */

import { clientSecretBasic, clientSecretPost, noAuthentication, privateKeyJwt } from '@tessera/client'
import { startTestServer } from '../../../packages/server/src/testing.ts'
import { createPerson } from '../../support/remote.ts'
import {
  createVisitor,
  type InteropServer,
  post_logout_redirect_uri,
  redirect_uri,
  secret,
} from './server.ts'

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
        ...{ grant_types: ['authorization_code', 'refresh_token'], jwks: { keys: [jwk] } },
        post_logout_redirect_uris: [post_logout_redirect_uri],
        scope: `openid profile offline_access ${scope}`,
      },
      {
        ...{ client_id: 'hybrid', client_secrets, redirect_uris: [redirect_uri], scope: 'openid profile' },
        ...{ grant_types: ['authorization_code', 'implicit'], response_types: ['code id_token'] },
      },
      {
        ...{ client_id: 'device', token_endpoint_auth_method: 'none', scope: `openid ${scope}` },
        ...{ grant_types: ['urn:ietf:params:oauth:grant-type:device_code'], device_polling_interval: 1 },
      },
    ],
  } as never)
  const newPerson = () => createPerson(server.issuer, { username: 'alice', password: 'alice' })
  let person = newPerson()
  const web = { client_id: 'web', authentication: clientSecretBasic(secret) }
  return {
    ...{ name: 'Tessera', issuer: server.issuer, redirect_uri, post_logout_redirect_uri, scope, resource },
    machines: [
      { client_id: 'machine', authentication: clientSecretBasic(secret) },
      { client_id: 'machine', authentication: clientSecretPost(secret) },
      { client_id: 'machine-key', authentication: privateKeyJwt(privateKey, { kid: 'machine' }) },
    ],
    web,
    hybrid: { client_id: 'hybrid', authentication: clientSecretBasic(secret) },
    signer: { client: web, key: privateKey, kid: 'machine' },
    api: { client_id: resource, authentication: clientSecretBasic(secret) },
    device: { client_id: 'device', authentication: noAuthentication() },
    async authorize(url) {
      person = newPerson()
      return (await person.authorize(url)).href
    },
    signOut: async url => `${await person.signOut(url)}`,
    open: async url => (await createVisitor(server.issuer).visit(url)).url.href,
    async approveDevice({ verification_uri_complete = '' }) {
      await newPerson().connectDevice(verification_uri_complete)
    },
    replaceKeys: async () => void (await server.rotateKeys({ retire: true })),
    close: () => server.close(),
  }
}
