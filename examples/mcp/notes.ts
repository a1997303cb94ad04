/** The tools of the sample MCP server, and the scope that each requires. */

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'

/** The notes of each user, in memory. */
const notes = new Map<unknown, string[]>()

/** All scopes that a tool needs: some clients request only those that a challenge names. */
const scopes = new Map<unknown, string>([
  ['list_notes', 'notes.read'],
  ['add_note', 'notes.read notes.write'],
])

/** Returns the scopes that the tools of a message need; undefined if it calls none. */
export function requiredScope(message: unknown): string | undefined {
  // A message can be a list (JSON-RPC 2.0 §6).
  const calls = [message].flat().map(one => one as { method?: unknown; params?: { name?: unknown } } | null)
  const needed = calls
    .filter(call => call?.method === 'tools/call')
    .flatMap(call => (scopes.get(call?.params?.name) ?? 'notes.read').split(' '))
  return needed.length === 0 ? undefined : [...new Set(needed)].join(' ')
}

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

/** Creates a server with the tools. */
export function notesServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('list_notes', { description: 'Lists your notes' }, ({ authInfo }) =>
    text((notes.get(authInfo?.extra?.subject) ?? []).join('\n') || 'no notes'),
  )
  const inputSchema = { note: z.string().max(1000) }
  server.registerTool('add_note', { description: 'Adds a note', inputSchema }, ({ note }, { authInfo }) => {
    const subject = authInfo?.extra?.subject
    notes.set(subject, [...(notes.get(subject) ?? []), note])
    return text(`added for ${subject}`)
  })
  return server
}
