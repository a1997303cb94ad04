/** The repository's own files, for tests about the repository. */

import { globSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Names of the files in a folder. */
export const namesIn = (folder: string): readonly string[] => readdirSync(root + folder)

export const readText = (file: string): string => readFileSync(root + file, 'utf8')

/** Returns the texts of matching files, by their paths from the root. */
export const textsOf = (pattern: string): ReadonlyMap<string, string> =>
  new Map(
    globSync(pattern, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] })
      .sort()
      .map(file => [file, readText(file)]),
  )
