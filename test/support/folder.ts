/** A folder for the files of a test file: created before its tests, removed after them. */

import { mkdtempSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

export function testFolder() {
  // Synchronous: hooks at the top of a file run concurrently, so another one may write before this one ended.
  const folder = mkdtempSync(join(tmpdir(), 'tessera-test-'))
  after(() => rm(folder, { recursive: true, force: true }))
  const at = (...names: readonly string[]): string => join(folder, ...names)
  return {
    at,
    /** Returns the path of the file. */
    async write(name: string, text: string): Promise<string> {
      await writeFile(at(name), text)
      return at(name)
    },
  }
}
