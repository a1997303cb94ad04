/** The type declarations that a package's entries reach. */

import { readFile } from 'node:fs/promises'
import { posix } from 'node:path'

/** Matches the specifier of an import or export, and of `import('…')` in a type. */
const specifier = /((?:from |import\()['"])(\.{1,2}\/[^'"]+)\.ts(['"])/g

/** Matches an import for its effect, which declares nothing. */
const effect = /^import '[^']+';\n/gm

/**
 * Returns the declarations by their paths from `folder`, with specifiers that end in `.js`: the compiler leaves `.ts`
 * in declarations. Rejects if a file is missing.
 */
export async function declarationClosure(
  folder: string,
  entries: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const visit = async (file: string): Promise<void> => {
    if (found.has(file)) return
    found.set(file, '')
    const text = (await readFile(posix.join(folder, file), 'utf8')).replace(effect, '')
    found.set(
      file,
      text.replace(specifier, (_, before, path, after) => `${before}${path}.js${after}`),
    )
    const targets = [...text.matchAll(specifier)].map(([, , path]) => `${path}.d.ts`)
    await Promise.all(targets.map(target => visit(posix.join(posix.dirname(file), target))))
  }
  await Promise.all(entries.map(visit))
  return found
}
