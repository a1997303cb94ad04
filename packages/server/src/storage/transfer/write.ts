/** Writing an export. */

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { encodeRow, format, type Header } from './format.ts'
import type { Report } from './progress.ts'
import type { Sections } from './sections.ts'

/** How many characters are gathered for one write. */
const chunkSize = 64 * 1024

export type Written = { readonly rows: number; readonly sha256: string }

/**
 * Writes a new file with mode 0600; rejects where there is one. A file is whole when its last line, the total, is
 * there: what was begun and failed is left for the operator to look at.
 */
export async function writeExport(
  file: string,
  header: Omit<Header, 'tessera_export'>,
  sections: Sections,
  report: Report,
): Promise<Written> {
  const handle = await open(file, 'wx', 0o600)
  const whole = createHash('sha256')
  let waiting = ''
  const flush = async (): Promise<void> => {
    // `write` may write a part only, where the disk is nearly full, and does not reject then.
    await handle.writeFile(waiting)
    waiting = ''
  }
  const put = async (text: string): Promise<void> => {
    whole.update(text)
    waiting += text
    if (waiting.length >= chunkSize) await flush()
  }
  const putValue = (value: object): Promise<void> => put(`${JSON.stringify(value)}\n`)

  try {
    await putValue({ tessera_export: format, ...header })
    let total = 0
    for await (const { tenant, table, count, rows } of sections) {
      await putValue({ tenant: tenant ?? null, table: table.name, columns: table.columns })
      const digest = createHash('sha256')
      let written = 0
      for await (const batch of rows) {
        const text = batch.map(encodeRow).join('')
        digest.update(text)
        await put(text)
        written += batch.length
        report({ tenant, table: table.name, done: written, of: count })
      }
      await putValue({ rows: written, sha256: digest.digest('base64url') })
      total += written
    }
    const sha256 = whole.copy().digest('base64url')
    await putValue({ total, sha256 })
    await flush()
    await handle.sync()
    return { rows: total, sha256 }
  } finally {
    await handle.close()
  }
}
