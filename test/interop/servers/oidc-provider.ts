/** oidc-provider, a certified implementation, with its pages for development. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  clientSecretBasic,
  clientSecretJwt,
  clientSecretPost,
  noAuthentication,
  privateKeyJwt,
} from '@tessera/client'
import { exportJWK, generateKeyPair } from 'jose'
import Provider, { errors } from 'oidc-provider'
import {
  createVisitor,
  type InteropServer,
  post_logout_redirect_uri,
  redirect_uri,
  secret,
} from './server.ts'

const scope = 'api1'
const resource = 'urn:api'

async function createKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const members = { kid, alg: 'RS256', use: 'sig' }
  return {
    privateKey,
    secret: { ...(await exportJWK(privateKey)), ...members },
    open: { ...(await exportJWK(publicKey)), ...members },
  }
}

export async function startOidcProvider(): Promise<InteropServer> {
  const server = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const machineKey = await createKey('machine')
  const machine = { redirect_uris: [], response_types: [], grant_types: ['client_credentials'] }
  const methods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt']
  const clients = [
    ...methods.map(method => ({
      ...{ client_id: `machine-${method}`, client_secret: secret, ...machine },
      token_endpoint_auth_method: method,
    })),
    {
      ...{ client_id: 'machine-key', token_endpoint_auth_method: 'private_key_jwt', ...machine },
      jwks: { keys: [machineKey.open] },
    },
    {
      ...{ client_id: 'web', client_secret: secret, redirect_uris: [redirect_uri], response_types: ['code'] },
      grant_types: ['authorization_code', 'refresh_token'],
      post_logout_redirect_uris: [post_logout_redirect_uri],
      jwks: { keys: [machineKey.open] },
    },
    {
      ...{ client_id: 'hybrid', client_secret: secret, redirect_uris: [redirect_uri] },
      ...{ grant_types: ['authorization_code', 'implicit'], response_types: ['code id_token'] },
    },
    {
      ...{ client_id: 'device', token_endpoint_auth_method: 'none', redirect_uris: [], response_types: [] },
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    },
  ]
  /** Providers in one process share their store, so another one continues with other keys. */
  const createProvider = async (kid: string) =>
    new Provider(origin, {
      ...{ clients, jwks: { keys: [(await createKey(kid)).secret] }, cookies: { keys: ['a-key'] } },
      ...{ scopes: ['openid', 'offline_access'], claims: { openid: ['sub'], profile: ['name'] } },
      rotateRefreshToken: true,
      features: {
        ...{ clientCredentials: { enabled: true }, deviceFlow: { enabled: true } },
        ...{ introspection: { enabled: true }, revocation: { enabled: true } },
        requestObjects: { enabled: true },
        ...{ registration: { enabled: true }, registrationManagement: { enabled: true } },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => [],
          useGrantedResource: () => true,
          getResourceServerInfo(_: unknown, indicator: string) {
            if (indicator !== resource) throw new errors.InvalidTarget()
            return { scope, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }
          },
        },
      },
      findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id, name: 'Ada' }) }),
    } as never).callback()
  let handle = await createProvider('first')
  const values = { login: 'ada', password: 'any' }

  let visitor = createVisitor(origin)
  const web = { client_id: 'web', authentication: clientSecretBasic(secret) }

  return {
    ...{ name: 'oidc-provider', issuer: origin, redirect_uri, post_logout_redirect_uri, scope, resource },
    machines: [
      { client_id: 'machine-client_secret_basic', authentication: clientSecretBasic(secret) },
      { client_id: 'machine-client_secret_post', authentication: clientSecretPost(secret) },
      { client_id: 'machine-client_secret_jwt', authentication: clientSecretJwt(secret) },
      { client_id: 'machine-key', authentication: privateKeyJwt(machineKey.privateKey, { kid: 'machine' }) },
    ],
    web,
    hybrid: { client_id: 'hybrid', authentication: clientSecretBasic(secret) },
    signer: { client: web, key: machineKey.privateKey, kid: 'machine' },
    api: { client_id: 'web', authentication: clientSecretBasic(secret) },
    device: { client_id: 'device', authentication: noAuthentication() },
    async authorize(url) {
      visitor = createVisitor(origin)
      return (await visitor.visit(url, values)).url.href
    },
    signOut: async url => (await visitor.visit(url)).url.href,
    open: async url => (await createVisitor(origin).visit(url)).url.href,
    async approveDevice({ verification_uri_complete = '' }) {
      const { text } = await createVisitor(origin).visit(verification_uri_complete, values)
      if (!/Success/i.test(text)) throw new Error(text)
    },
    async replaceKeys() {
      handle = await createProvider('second')
    },
    async close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
