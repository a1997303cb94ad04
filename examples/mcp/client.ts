/** An MCP client: the user signs in with the system's browser when the server asks for it. */

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createMcpFetch } from './authorization.ts'

const url = process.env.MCP_SERVER ?? 'http://127.0.0.1:5095/mcp'
const authorizedFetch = createMcpFetch(url, {
  // The https URL of the application's metadata. Without it, the application registers itself.
  document: process.env.CLIENT_DOCUMENT,
  // Without it, the system's browser opens. This is for machines that have none.
  ...(process.env.PRINT_URL && { open: (page: string) => console.log(`Open ${page}`) }),
})
const client = new Client({ name: 'notes-client', version: '1.0.0' })
const transport = new StreamableHTTPClientTransport(new URL(url), { fetch: authorizedFetch })
await client.connect(transport as Parameters<typeof client.connect>[0])

async function call(name: string, input: Record<string, unknown> = {}): Promise<void> {
  const { content } = await client.callTool({ name, arguments: input })
  console.log(`${name}:`, (content as readonly { readonly text: string }[])[0]?.text)
}

await call('list_notes')
// The token has no scope for this, so the user is asked again.
await call('add_note', { note: 'Buy milk' })
await call('list_notes')
await client.close()
