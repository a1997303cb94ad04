/**
 * `npm run api`: writes `api.txt` of each package, which lists what its entries promise: the declarations that they export,
 * and those that these refer to. A change of the public interface is a change of that file.
 */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { declarationReader, referredDeclarations } from './declaration-reader.ts'

/** @param folder an installed package, or one that was built. */
export function apiReport(folder: string): string {
  const { name, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const read = declarationReader(folder)
  const entries = Object.entries(exports as Readonly<Record<string, { readonly types: string }>>).map(
    ([entry, { types }]) => ({ entry, file: types.slice(2), names: read(types.slice(2)).exported }),
  )
  const promised = entries.map(
    ({ entry, names }) => `${posix.join(name, entry)}\n${names.map(one => `  ${one}\n`).join('')}`,
  )
  const listed = referredDeclarations(
    read,
    entries.flatMap(({ file, names }) => names.map(name => ({ file, name }))),
  ).toSorted((one, other) => compare(one.file, other.file) || compare(one.name, other.name))
  return [
    'Written by `npm run api`. The entries with the names that they export, then the declarations of these names and of\n' +
      'what they refer to.\n',
    ...promised,
    ...listed.map(({ file, declaration }) => `${file}\n${declaration.text}\n`),
  ].join('\n')
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

if (import.meta.main) {
  const packages = fileURLToPath(new URL('.', import.meta.url))
  for (const name of ['protocol', 'client', 'server']) {
    execFileSync(process.execPath, [join(packages, 'build.ts'), name], { stdio: 'inherit' })
    await writeFile(join(packages, name, 'api.txt'), apiReport(join(packages, name)))
  }
}
