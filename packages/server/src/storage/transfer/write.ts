/** Writes an export. */

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { encodeRow, format, type Header } from './format.ts'
import type { Report, Sections } from './sections.ts'

/** Characters that are collected for one write. */
const chunkSize = 64 * 1024

export type Written = { readonly rows: number; readonly sha256: string }

/**
 * Writes a new file with mode 0600. Rejects if it exists. A complete file ends with the line of the total. After a
 * failure, the incomplete file is kept for the operator.
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
    // On a nearly full disk, `write` may write only a part, and does not reject.
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
