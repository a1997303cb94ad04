/**
 * Reports changes by other processes immediately, with LISTEN and NOTIFY on a separate connection. If the database does
 * not support that, watchers are called every second.
 */

import pg from 'pg'
import { type PostgresOptions, settingsOf } from './connection.ts'

const channel = 'tessera_changes'

/** Announces a change in this schema, but only if the transaction commits. */
export const announce = `select pg_notify('${channel}', current_schema())`

export type Changes = {
  /**
   * Calls `changed` for each change in the schema, and when changes may have been missed. Returns a function that stops
   * it. The first call opens the connection.
   */
  readonly watch: (schema: string, changed: () => void) => () => void
  readonly close: () => Promise<void>
}

/** Milliseconds between a lost connection and the next attempt. */
const retryDelay = 1000
/** Milliseconds between calls to watchers without LISTEN. */
const lookInterval = 1000

export function createChanges(options: PostgresOptions): Changes {
  const watchers = new Set<{ readonly schema: string; readonly changed: () => void }>()
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined
  let looking: NodeJS.Timeout | undefined
  let closed = false

  const tell = (schema?: string): void => {
    for (const watcher of watchers) if (schema === undefined || watcher.schema === schema) watcher.changed()
  }

  async function listen(): Promise<void> {
    const opening = new pg.Client(settingsOf(options))
    client = opening
    opening.on('notification', ({ payload }) => tell(payload))
    opening.on('error', () => {})
    opening.on('end', () => retry(opening))
    try {
      await opening.connect()
      const understood = await understands(opening)
      // Earlier changes were not reported.
      tell()
      if (!understood && client === opening) looking = setInterval(tell, lookInterval).unref()
    } catch {
      await opening.end().catch(() => {})
      retry(opening)
    }
  }

  /** Called once for each connection that ended. */
  function retry(ended: pg.Client): void {
    if (closed || client !== ended) return
    client = undefined
    clearInterval(looking)
    timer = setTimeout(() => void listen(), retryDelay)
    timer.unref()
  }

  return {
    watch(schema, changed) {
      const watcher = { schema, changed }
      watchers.add(watcher)
      if (!client && !timer && !closed) void listen()
      return () => void watchers.delete(watcher)
    },
    async close() {
      closed = true
      clearTimeout(timer)
      clearInterval(looking)
      await client?.end().catch(() => {})
    },
  }
}

async function understands(client: pg.Client): Promise<boolean> {
  try {
    await client.query(`listen ${channel}`)
    return true
  } catch {
    return false
  }
}
