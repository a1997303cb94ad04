/** An MCP server that is protected by Tessera. It runs at http://127.0.0.1:5095/mcp. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createIssuer } from '@tessera/client'
import { type Access, createApiGuard } from '@tessera/client/api'
import { nodeGuard, nodeMetadata } from '@tessera/client/api/node'
import { notesServer, requiredScope } from './notes.ts'

const port = Number(process.env.PORT ?? 5095)
const resource = process.env.RESOURCE ?? `http://127.0.0.1:${port}/mcp`

const issuer = createIssuer(process.env.ISSUER ?? 'http://localhost:5080')
// Its metadata (RFC 9728) are at /.well-known/oauth-protected-resource/mcp, and every challenge names them.
const guard = createApiGuard(issuer, {
  resource,
  metadata: {
    resource_name: 'Notes',
    // The scopes that clients request first. They get notes.write when a tool needs it. Many clients request exactly this
    // list, and would get no refresh token without offline_access.
    scopes_supported: ['notes.read', 'offline_access'],
  },
  hooks: { decided: ({ reason, subject, client_id }) => console.log(reason, subject ?? '', client_id ?? '') },
})

type Call = IncomingMessage & { auth?: AuthInfo }

const longestMessage = 100_000

/** Returns the JSON of a request; undefined if it has none, or is too long. */
async function readMessage(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) if (text.length <= longestMessage) text += chunk
  if (text.length > longestMessage) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Responds to one message. There is no session between messages. */
async function respond(request: Call, response: ServerResponse, access: Access): Promise<void> {
  const message = await readMessage(request)
  if (message === undefined) return void response.writeHead(400).end()
  const scope = requiredScope(message)
  const refused = scope === undefined ? undefined : guard.missingScope(access, scope, request)
  if (refused) return void response.writeHead(403, refused.response.headers).end(refused.response.body)
  const { token, client_id = '', scopes, expires_at, subject } = access
  request.auth = {
    token,
    clientId: client_id,
    scopes: [...scopes],
    expiresAt: expires_at,
    extra: { subject },
  }
  const transport = new StreamableHTTPServerTransport({
    // Required by the protocol, against DNS rebinding.
    enableDnsRebindingProtection: true,
    allowedHosts: [new URL(resource).host],
  })
  const server = notesServer()
  response.on('close', () => void server.close())
  await server.connect(transport as Parameters<typeof server.connect>[0])
  await transport.handleRequest(request, response, message)
}

const handle = nodeGuard<Call, ServerResponse>(guard, {}, respond, { failed: error => console.error(error) })

const server = createServer((request, response) => {
  if (nodeMetadata(guard, request, response)) return
  if (request.url !== new URL(resource).pathname) return response.writeHead(404).end()
  // Without sessions there is nothing to listen to, and nothing to end.
  if (request.method !== 'POST') return response.writeHead(405, { allow: 'POST' }).end()
  return handle(request, response)
})
server.listen(port, '127.0.0.1', () => console.log(`MCP server at ${resource}`))
