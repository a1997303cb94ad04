/** The tools of the sample MCP server, and the scope that each requires. */

import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'

/** The notes of each user, in memory. */
const notes = new Map<unknown, string[]>()

/** A tool that is not listed here can't be called. The scope of reading is repeated, so that a token has both. */
const scopes: Readonly<Record<string, string>> = {
  list_notes: 'notes.read',
  add_note: 'notes.read notes.write',
}

/** Returns the scope that a message requires; undefined if it calls no tool. */
export function requiredScope(message: unknown): string | undefined {
  const calls = [message].flat().map(one => one as { method?: unknown; params?: { name?: unknown } })
  const names = calls.filter(call => call?.method === 'tools/call').map(call => String(call.params?.name))
  const required = names.flatMap(name => (scopes[name] ?? 'notes.read').split(' '))
  return required.length === 0 ? undefined : [...new Set(required)].join(' ')
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
