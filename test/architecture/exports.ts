/** Exports without an importer: the check for unused code sees values, this one types. */

import type { Sources } from './violations.ts'

/** Files that export types for use outside this repository. */
const publicFiles: readonly string[] = ['packages/server/src/server.ts', 'packages/server/src/testing.ts']

const words = (text: string): ReadonlySet<string> => new Set(text.match(/\w+/g))

/**
 * Returns the exported types that no other file names, as `file: type`.
 * @param others files that may import them besides the sources: tests and the bench.
 */
export function typesWithoutImporter(sources: Sources, others: Sources): readonly string[] {
  const named = new Map([...sources, ...others].map(([file, text]) => [file, words(text)]))
  return [...sources].flatMap(([file, text]) => {
    if (publicFiles.includes(file)) return []
    const exported = [...text.matchAll(/^export (?:type|interface) (\w+)/gm)].map(([, name = '']) => name)
    return exported
      .filter(name => ![...named].some(([other, found]) => other !== file && found.has(name)))
      .map(name => `${file}: ${name}`)
  })
}
