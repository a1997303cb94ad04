/**
 * The client that MCP's conformance tests run: the authorization of `examples/mcp`, with the transport of the official
 * SDK.
 */

import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type ApiFetch, clientSecretBasic, createClientProvider } from '@tessera/client'
import { createDpop } from '@tessera/client/dpop'
import { createMcpFetch, type McpFetchOptions } from '../../../examples/mcp/authorization.ts'
import { directFetch, findServer } from './mcp-direct-grants.ts'

/** A run of the client, as the conformance tests describe it. */
export type McpRun = {
  /** The URL of the test's server. */
  readonly server: string
  readonly scenario: string
  /** The version of the protocol. */
  readonly version: string
  /** Credentials for some scenarios. */
  readonly context: Readonly<Record<string, string>>
}

const info = { name: 'tessera-client', version: '1.0.0' }

/** Replaces the user's browser: the tests' authorization server has no pages. */
function createBrowser() {
  let pages = 0
  return async function open(url: string): Promise<void> {
    const response = await fetch(url, { redirect: 'manual' })
    const callback = new URL(response.headers.get('location') ?? '')
    pages += 1
    // It issues the same code every time, and the client library sends no code twice.
    if (pages > 1) callback.searchParams.set('code', `${callback.searchParams.get('code')}-${pages}`)
    await fetch(callback)
  }
}

/** Adds the metadata that servers of 2025-03-26 don't have: each is its own authorization server. */
const withLegacyMetadata =
  ({ server, scenario }: McpRun): ApiFetch =>
  async (input, init) => {
    const response = await fetch(input, init)
    const { origin, pathname } = new URL(input instanceof Request ? input.url : input)
    if (response.status !== 404) return response
    if (pathname === '/.well-known/oauth-protected-resource/mcp')
      return Response.json({ resource: server, authorization_servers: [origin] })
    if (pathname !== '/.well-known/oauth-authorization-server' || !scenario.endsWith('endpoint-fallback'))
      return response
    return Response.json({
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
      code_challenge_methods_supported: ['S256'],
    })
  }

/** Returns the options that a scenario needs besides the document of the client. */
async function optionsOf(run: McpRun): Promise<McpFetchOptions> {
  const { server, scenario, context } = run
  if (scenario === 'auth/pre-registration') {
    const { client_id = '', client_secret = '' } = context
    const { issuer } = await findServer(server)
    const authentication = clientSecretBasic(client_secret)
    return { client: createClientProvider({ registered: { [issuer]: { client_id, authentication } } }) }
  }
  if (scenario.startsWith('auth/dpop')) {
    const registration = { redirect_uris: ['http://127.0.0.1/callback'] }
    return { client: createClientProvider({ registration, proof: await createDpop() }) }
  }
  return scenario.startsWith('auth/2025-03-26') ? { fetch: withLegacyMetadata(run) } : {}
}

async function connect(run: McpRun) {
  const { server, scenario, version, context } = run
  const document = 'https://conformance-test.local/client-metadata.json'
  const authorizedFetch =
    (await directFetch(scenario, server, context)) ??
    createMcpFetch(server, { document, open: createBrowser(), ...(await optionsOf(run)) })
  const settings = { fetch: authorizedFetch }
  if (version < '2026-07-28') {
    const client = new Client(info)
    await client.connect(new StreamableHTTPClientTransport(new URL(server), settings) as never)
    return client
  }
  const client = new ModernClient(info, { versionNegotiation: { mode: { pin: version } } })
  await client.connect(new ModernTransport(new URL(server), settings))
  return client
}

/** Connects, and calls a tool. Rejects if the client gives up. */
export async function runMcpClient(run: McpRun): Promise<void> {
  const client = await connect(run)
  try {
    await client.listTools()
    await client.callTool({ name: 'test-tool', arguments: {} })
  } finally {
    await client.close()
  }
}
