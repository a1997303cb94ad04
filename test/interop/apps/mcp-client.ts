/**
 * The client that MCP's conformance tests run: the authorization of `examples/mcp`, with the transport of the official
 * SDK. Its arguments are the URL of the test's server; the scenario comes from the environment.
 */

import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createIssuer } from '@tessera/client'
import { createMcpFetch, type McpFetchOptions } from '../../../examples/mcp/authorization.ts'
import { challengeIn, findResource } from '../../../examples/mcp/resource.ts'
import { directFetch } from './mcp-direct-grants.ts'

const server = process.argv[2] ?? ''
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? ''
const version = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? ''
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}')
const info = { name: 'tessera-client', version: '1.0.0' }

let pages = 0

/** Replaces the user's browser: the tests' authorization server has no pages. */
async function open(url: string): Promise<void> {
  const response = await fetch(url, { redirect: 'manual' })
  const callback = new URL(response.headers.get('location') ?? '')
  pages += 1
  // It issues the same code every time, and the client library sends no code twice.
  if (pages > 1) callback.searchParams.set('code', `${callback.searchParams.get('code')}-${pages}`)
  await fetch(callback)
}

const options: McpFetchOptions = { document: 'https://conformance-test.local/client-metadata.json', open }

/** Servers of 2025-03-26 without metadata have their endpoints at fixed places. */
const withDefaultEndpoints = (issuer: string) =>
  createIssuer(issuer, {
    metadata: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      token_endpoint_auth_methods_supported: ['none'],
    },
  })

/** Returns the client that the user registered by hand. */
async function preRegistered(): Promise<McpFetchOptions> {
  const { issuer } = await findResource(server, challengeIn(await fetch(server, { method: 'POST' })))
  const { client_id, client_secret } = context
  return { ...options, registered: new Map([[issuer, { client_id, client_secret }]]) }
}

async function authorizedFetch() {
  const direct = await directFetch(scenario, server, context)
  if (direct) return direct
  if (scenario === 'auth/pre-registration') return createMcpFetch(server, await preRegistered())
  if (scenario === 'auth/2025-03-26-oauth-endpoint-fallback')
    return createMcpFetch(server, { ...options, openIssuer: withDefaultEndpoints })
  return createMcpFetch(server, options)
}

async function connect() {
  const settings = { fetch: await authorizedFetch() }
  if (version < '2026-07-28') {
    const client = new Client(info)
    await client.connect(new StreamableHTTPClientTransport(new URL(server), settings) as never)
    return client
  }
  const client = new ModernClient(info, { versionNegotiation: { mode: { pin: version } } })
  await client.connect(new ModernTransport(new URL(server), settings))
  return client
}

const client = await connect()
await client.listTools()
await client.callTool({ name: 'test-tool', arguments: {} })
await client.close()
