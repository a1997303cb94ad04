/** An application with one of MCP's SDKs, and its user, at the server of `examples/mcp`. */

import assert from 'node:assert/strict'
import * as modern from '@modelcontextprotocol/client'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createProvider } from './mcp-provider.ts'
import type { McpWorld } from './mcp-world.ts'

type Sdk = {
  readonly name: string
  readonly Client: typeof Client | typeof modern.Client
  readonly Transport: typeof StreamableHTTPClientTransport | typeof modern.StreamableHTTPClientTransport
  readonly UnauthorizedError: new () => Error
  /** Whether it passes `iss` to `finishAuth`, and asks for `offline_access` on its own. */
  readonly isModern: boolean
}

export const sdks: readonly Sdk[] = [
  {
    name: '@modelcontextprotocol/sdk',
    Client,
    Transport: StreamableHTTPClientTransport,
    UnauthorizedError,
    isModern: false,
  },
  {
    name: '@modelcontextprotocol/client',
    Client: modern.Client,
    Transport: modern.StreamableHTTPClientTransport,
    UnauthorizedError: modern.UnauthorizedError,
    isModern: true,
  },
]

/** Creates an application that is not connected yet. Without a document, it registers itself. */
export function createApplication(
  world: McpWorld,
  { Client, Transport, UnauthorizedError, isModern }: Sdk,
  document?: string,
) {
  const { provider, asked, saved } = createProvider({}, { clientMetadataUrl: document })
  const person = world.person()
  const open = () => {
    const transport = new Transport(new URL(world.resource), { authProvider: provider })
    return { transport, client: new Client({ name: 'notes', version: '1' }) }
  }
  let { transport, client } = open()

  /** Passes a response to the SDK. */
  async function finish(back: URL): Promise<void> {
    const { searchParams } = back
    await transport.finishAuth(isModern ? (searchParams as never) : (searchParams.get('code') ?? ''))
  }

  /** Shows the page that the SDK asked for; resolves to its response. */
  const visitPage = (): Promise<URL> => person.authorize(asked.at(-1)?.href ?? '')

  async function connect(): Promise<void> {
    await assert.rejects(client.connect(transport as never), UnauthorizedError)
    await finish(await visitPage())
    ;({ transport, client } = open())
    await client.connect(transport as never)
  }

  return {
    provider,
    saved,
    /** The authorization requests. */
    asked,
    visitPage,
    finish,
    connect,
    refused: () => assert.rejects(client.connect(transport as never), UnauthorizedError),
    async call(name: string, input: Record<string, unknown> = {}): Promise<string | undefined> {
      const { content } = await client.callTool({ name, arguments: input })
      return (content as readonly { readonly text: string }[])[0]?.text
    },
    /** Makes the MCP server refuse the access token. */
    breakToken(): void {
      const { tokens } = saved()
      assert.ok(tokens?.refresh_token)
      provider.saveTokens({ ...tokens, access_token: 'expired' })
    },
    async reconnectWithoutRefreshToken(): Promise<void> {
      const { refresh_token: _, ...tokens } = saved().tokens!
      provider.saveTokens(tokens)
      await client.close()
      ;({ transport, client } = open())
      await client.connect(transport as never)
    },
    close: () => client.close(),
  }
}
