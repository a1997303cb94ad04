/** Tessera and a person with a browser, on loopback, for the portable tests. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Jwk } from '@tessera/client'
import { exportJWK, generateKeyPair } from 'jose'
import { freePort, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import type { PortableWorld } from './portable/case.ts'

const secret = 'secret-of-the-clients'
const redirect_uri = 'https://app.example/cb'
const trustedIssuer = 'https://partner.example'
const grantType = 'urn:ietf:params:oauth:grant-type:'
const client_secrets = [{ value: secret }]
const refreshing = { scope: 'openid profile api1 offline_access' }

/** @param origin the origin of the page in the browser. */
const configuration = (origin: string, key: object) => ({
  storage: 'sqlite:./tessera.db',
  registration: { mode: 'open' },
  trusted_issuers: [{ issuer: trustedIssuer, jwks: { keys: [key] } }],
  api_scopes: [{ name: 'api1' }],
  api_resources: [{ name: 'urn:api', scopes: ['api1'], api_secrets: [{ value: secret }] }],
  users: [{ sub: '88421113', username: 'bob', password: 'bob', claims: { name: 'Bob' } }],
  clients: [
    { client_id: 'machine', client_secrets, grant_types: ['client_credentials'], scope: 'api1' },
    { client_id: 'password', client_secrets, ...refreshing, grant_types: ['password', 'refresh_token'] },
    { client_id: 'gateway', client_secrets, grant_types: [`${grantType}token-exchange`], scope: 'api1' },
    { client_id: 'bearer', client_secrets, grant_types: [`${grantType}jwt-bearer`], scope: 'api1' },
    {
      ...{ client_id: 'key', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] } },
      ...{ grant_types: ['client_credentials'], scope: 'api1' },
    },
    {
      ...{ client_id: 'app', token_endpoint_auth_method: 'none', redirect_uris: [redirect_uri] },
      ...{ grant_types: ['authorization_code', 'refresh_token'], ...refreshing },
    },
    {
      ...{ client_id: 'native', token_endpoint_auth_method: 'none', application_type: 'native' },
      ...{ redirect_uris: ['http://127.0.0.1/callback'], scope: 'openid api1' },
      grant_types: ['authorization_code'],
    },
    {
      ...{
        client_id: 'device',
        token_endpoint_auth_method: 'none',
        scope: 'api1',
        device_polling_interval: 1,
      },
      grant_types: [`${grantType}device_code`],
    },
  ].map(client => ({ ...client, allowed_cors_origins: [origin] })),
})

export type RunningWorld = { readonly world: PortableWorld; readonly close: () => Promise<void> }

/** Starts both, and a web server for pages, which is the person's as well. */
export async function startPortableWorld(pages: Readonly<Record<string, string>>): Promise<RunningWorld> {
  let issuer = ''
  const web = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://person')
    const page = pages[pathname]
    if (page === undefined) return act(pathname, searchParams.get('url') ?? '', issuer, response)
    response.setHeader('content-type', pathname.endsWith('.js') ? 'text/javascript' : 'text/html')
    response.end(page)
  }).listen(0, '127.0.0.1')
  await once(web, 'listening')
  const person = `http://127.0.0.1:${(web.address() as AddressInfo).port}`
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const members = { kid: 'own', alg: 'ES256', use: 'sig' }
  const key = { ...(await exportJWK(privateKey)), ...members } as Jwk
  const open = { ...(await exportJWK(publicKey)), ...members }
  const { file, remove } = await writeConfiguration(configuration(person, open))
  const server = await serveConfiguration(file, await freePort())
  issuer = server.url
  return {
    world: { issuer, person, redirect_uri, secret, key, trustedIssuer },
    async close() {
      web.closeAllConnections()
      web.close()
      await server.stop()
      await remove()
    },
  }
}

/** A person who has not signed in yet opens a URL of the server. */
async function act(path: string, url: string, issuer: string, response: ServerResponse): Promise<void> {
  const bob = createPerson(issuer, { username: 'bob', password: 'bob' })
  const actions = {
    '/authorize': async () => (await bob.authorize(url)).href,
    '/device': () => bob.connectDevice(url),
  } as const
  try {
    const done = await actions[path as keyof typeof actions]?.()
    response.writeHead(done === undefined ? 404 : 200).end(done)
  } catch (error) {
    response.writeHead(500).end(`${error}`)
  }
}
