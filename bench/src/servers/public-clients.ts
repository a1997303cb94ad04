/**
 * The servers of the row with a public client: Tessera with the client in its configuration, and with a client that
 * publishes its metadata (draft-ietf-oauth-client-id-metadata-document).
 */

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { certificate, privateKey } from '../../../test/support/tls.ts'
import { redirectUri, userScope } from '../parties.ts'
import { temporaryDirectory } from './process.ts'
import type { Candidate, Server } from './server.ts'
import { startTessera, type TesseraOptions, tessera } from './tessera.ts'

const metadata = {
  client_name: 'Public',
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
  scope: userScope.join(' '),
  id_token_signed_response_alg: 'ES256',
} as const

const { token, jwks } = tessera.paths

async function start(client_id: string, options: TesseraOptions): Promise<Server> {
  const server = await startTessera({ ...options, publicClient: client_id })
  return { ...server, paths: { token, jwks, publicToken: token, publicClient: client_id } }
}

const paths: Candidate['paths'] = { token, jwks, publicToken: token }

export const configuredClient: Candidate = {
  ...tessera,
  paths,
  start: ({ cores = 'server' } = {}) =>
    start('public', { cores, configuration: { clients: [{ client_id: 'public', ...metadata }] } }),
}

export const documentClient: Candidate = {
  ...tessera,
  name: 'Tessera, client with a metadata document',
  paths,
  async start({ cores = 'server' } = {}) {
    const host = await serveDocument()
    const authorities = join(temporaryDirectory('authorities'), 'authority.pem')
    writeFileSync(authorities, certificate)
    const server = await start(host.client_id, {
      cores,
      configuration: {
        clients: [],
        registration: {
          allowed_scope: userScope.join(' '),
          metadata_documents: { mode: 'open' },
        },
        outbound: { allowed_private_networks: ['127.0.0.0/8', '::1/128'] },
      },
      env: { NODE_EXTRA_CA_CERTS: authorities },
    })
    const stop = async (): Promise<void> => {
      await server.stop()
      host.close()
    }
    return { ...server, stop }
  },
}

/** Publishes the client's document at a host on loopback. It is valid for a day, so that it is fetched once. */
async function serveDocument(): Promise<{ readonly client_id: string; readonly close: () => void }> {
  const host = createServer({ cert: certificate, key: privateKey }, (_, response) => {
    response.setHeader('Content-Type', 'application/json').setHeader('Cache-Control', 'max-age=86400')
    response.end(JSON.stringify({ client_id, ...metadata }))
  })
  host.listen(0, 'localhost')
  await once(host, 'listening')
  const client_id = `https://localhost:${(host.address() as AddressInfo).port}/client.json`
  return {
    client_id,
    close() {
      host.close()
      host.closeAllConnections()
    },
  }
}
