/** Tessera and a person with a browser, on loopback, for the portable tests. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type RunningServer, withServer } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import type { PortableWorld } from './portable/case.ts'

const secret = 'secret-of-the-clients'
const redirect_uri = 'https://app.example/cb'
const client_secrets = [{ value: secret }]
const refreshing = { scope: 'openid profile api1 offline_access', grant_types: ['refresh_token'] }

/** @param origin the origin of the page in the browser. */
const configuration = (origin: string) => ({
  api_scopes: [{ name: 'api1' }],
  api_resources: [{ name: 'urn:api', scopes: ['api1'] }],
  users: [{ sub: '88421113', username: 'bob', password: 'bob', claims: { name: 'Bob' } }],
  clients: [
    { client_id: 'machine', client_secrets, grant_types: ['client_credentials'], scope: 'api1' },
    { client_id: 'password', client_secrets, ...refreshing, grant_types: ['password', 'refresh_token'] },
    {
      ...{
        client_id: 'device',
        token_endpoint_auth_method: 'none',
        scope: 'api1',
        device_polling_interval: 1,
      },
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    },
  ].map(client => ({ ...client, allowed_cors_origins: [origin] })),
})

/** Starts both, and a web server for pages, which is the person's as well. */
export async function withPortableWorld<Value>(
  pages: Readonly<Record<string, string>>,
  use: (world: PortableWorld) => Promise<Value>,
): Promise<Value> {
  let running: RunningServer | undefined
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://person')
    const page = pages[pathname]
    if (page !== undefined) {
      response.setHeader('content-type', pathname.endsWith('.js') ? 'text/javascript' : 'text/html')
      response.end(page)
    } else await act(pathname, searchParams.get('url') ?? '', running?.url ?? '', response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const person = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    return await withServer(configuration(person), started => {
      running = started
      return use({ issuer: started.url, person, redirect_uri, secret })
    })
  } finally {
    server.closeAllConnections()
    server.close()
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
