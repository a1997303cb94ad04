/**
 * A protected MCP server with the SDK: it announces its authorization server, and introspects each token there (RFC
 * 7662).
 */

import { once } from 'node:events'
import { createServer } from 'node:http'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'

type Place = {
  readonly port: number
  readonly issuer: string
  /** The API's name at the authorization server, and its secret. */
  readonly resource: string
  readonly secret: string
  readonly scope: string
}

/** Listens at `/` and resolves to its address. */
export async function serveMcp({ port, issuer, resource, secret, scope }: Place) {
  const metadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()
  const verifier = {
    async verifyAccessToken(token: string) {
      const credentials = [resource, secret].map(encodeURIComponent).join(':')
      const response = await fetch(metadata.introspection_endpoint, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
        body: new URLSearchParams({ token }),
      })
      const { active, client_id, exp, sub, scope } = await response.json()
      if (!active) throw new InvalidTokenError('not active')
      return { token, clientId: client_id, scopes: scope.split(' '), expiresAt: exp, extra: { sub } }
    },
  }
  const app = express()
  app.use(express.json())
  app.use(
    mcpAuthMetadataRouter({
      oauthMetadata: metadata,
      resourceServerUrl: new URL(resource),
      // Clients request exactly these, so without the second one they get no refresh token. Scopes that the guard
      // requires would be in its challenge, and clients would request those alone.
      scopesSupported: [scope, 'offline_access'],
    }),
  )
  const resourceMetadataUrl = `${resource}/.well-known/oauth-protected-resource`
  const guard = requireBearerAuth({ verifier, resourceMetadataUrl })
  app.all('/', guard, async (request: any, response: any) => {
    const server = new McpServer({ name: 'notes', version: '1' })
    server.registerTool('whoami', { description: 'Says who calls' }, ({ authInfo }) => ({
      content: [{ type: 'text', text: `${authInfo?.extra?.sub} ${authInfo?.scopes.join(' ')}` }],
    }))
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    response.on('close', () => void server.close())
    await server.connect(transport as never)
    await transport.handleRequest(request, response, request.body)
  })
  const listening = createServer(app).listen(port, '127.0.0.1')
  await once(listening, 'listening')
  return {
    url: `${resource}/`,
    close() {
      listening.closeAllConnections()
      listening.close()
    },
  }
}
