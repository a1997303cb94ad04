/** A folder for what a file of tests writes: made before them, gone after them. */

import { mkdtempSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

export function testFolder() {
  // At once: hooks at the top of a file run side by side, so another one may write before this one ended.
  const folder = mkdtempSync(join(tmpdir(), 'tessera-test-'))
  after(() => rm(folder, { recursive: true, force: true }))
  const at = (...names: readonly string[]): string => join(folder, ...names)
  return {
    at,
    /** Answers where the file is. */
    async write(name: string, text: string): Promise<string> {
      await writeFile(at(name), text)
      return at(name)
    },
  }
}
