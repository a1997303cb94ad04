/** Authorizes requests to an MCP server (https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization). */

import {
  type ApiFetch,
  createClientProvider,
  createResourceFetch,
  createSession,
  type ResourceFetchOptions,
  unwrap,
} from '@tessera/client'
import { signInWithLoopback } from '@tessera/client/node'

export type McpFetchOptions = Partial<ResourceFetchOptions> & {
  /** The URL of the application's metadata document, which is its client_id. Without it, the application registers. */
  readonly document?: string | undefined
  /** Shows the page of the authorization server; the default is the system's browser. */
  readonly open?: (url: string) => void | Promise<void>
}

/**
 * Returns a `fetch` for the transport of an MCP client. It signs the user in when the server asks for a token, again
 * when a tool needs more scope, and refreshes tokens. It sends tokens to the server only.
 */
export const createMcpFetch = (server: string, { document, open, ...options }: McpFetchOptions): ApiFetch =>
  createResourceFetch(server, {
    client: createClientProvider({
      metadataDocument: document,
      // The document says the same.
      registration: {
        client_name: 'Notes client',
        // Without a port: any port of this machine (RFC 8252 §7.3).
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    }),
    offlineAccess: true,
    async authorize({ client, resource, scope = '', acr_values, max_age }) {
      const request = { scope, resource, acr_values, max_age, ...(open && { open }) }
      const session = createSession(client, { request: { resource } })
      await session.start(unwrap(await signInWithLoopback(client, request)))
      return session
    },
    ...options,
  })
