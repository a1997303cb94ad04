/** Detects when a newer node migrates the schema, and whether this node is still compatible. */

import type { Log } from '../../runtime/ports.ts'
import type { Run } from './statements.ts'

/** Milliseconds between two checks. Each `/readyz` checks too. */
const interval = 60_000

const newest = `select (select max(version) from tessera_schema),
  (select value from settings where name = 'oldest_schema')`

type SchemaWatch = {
  /** Reads the schema's version now. During an outage, the version does not change. */
  readonly look: () => Promise<void>
  /** Returns why this node is not compatible with the schema, or undefined if it is. */
  readonly fault: () => object | undefined
  readonly stop: () => void
}

/** @param known how many migrations this version of Tessera has. */
export function watchSchema(run: Run, { known, log }: { known: number; log: Log | undefined }): SchemaWatch {
  let reported = known
  let fault: object | undefined

  async function look(): Promise<void> {
    const row = await run(newest, []).then(
      ({ rows }) => rows[0],
      error => log?.debug('schema_not_checked', { error: String(error) }),
    )
    if (!row) return
    const [version, oldest] = [Number(row[0]), Number(row[1] ?? 0)]
    const fields = { schema: version, known_schema: known, oldest_schema: oldest }
    fault = oldest > known ? { reason: 'schema_too_new', ...fields } : undefined
    if (version <= reported) return
    reported = version
    if (fault)
      log?.error('schema_too_new', { ...fields, advice: 'replace this node with one of the newer version' })
    else log?.info('schema_newer', fields)
  }

  const timer = setInterval(() => void look(), interval)
  timer.unref()
  return { look, fault: () => fault, stop: () => clearInterval(timer) }
}
