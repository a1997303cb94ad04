/**
 * `npm run figures [-- FOLDER]`: counts what makes a change expensive, in this checkout or another one. What the rules of
 * the architecture forbid is counted as well, so that two versions can be compared.
 */

import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { additions } from './additions.ts'
import { typesWithoutImporter } from './exports.ts'
import { importsOf } from './imports.ts'
import { isRead, proseSuspects } from './prose.ts'

const own = new URL('../..', import.meta.url).pathname
const [folder = own] = process.argv.slice(2).filter(word => !word.startsWith('--'))
const textsOf = (...patterns: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    globSync([...patterns], {
      cwd: folder,
      exclude: ['**/node_modules/**'],
    })
      .toSorted()
      .map(file => [file, readFileSync(join(folder, file), 'utf8')]),
  )

const server = textsOf('packages/server/src/**/*.{ts,js}')
const all = textsOf('packages/*/src/**/*.ts', 'bench/src/**/*.ts', 'test/**/*.ts')
const prose = new Map(
  [...textsOf('{packages,bench,test,docs,examples}/**/*.{ts,js,mjs,md,eta}', '*.md')].filter(([file]) =>
    isRead(file),
  ),
)

/** Importing file → the files that it imports, each once. */
const imported = new Map(
  [...all].map(([file, text]) => [
    file,
    new Set(
      importsOf(text).specifiers.flatMap(specifier =>
        specifier.startsWith('.') ? [posix.join(posix.dirname(file), specifier)] : [],
      ),
    ),
  ]),
)
const isSource = (file: string): boolean => file.startsWith('packages/server/src/')
const importersOf = (file: string): readonly string[] =>
  [...imported].flatMap(([from, to]) => (isSource(from) && to.has(file) ? [from] : []))
const linesOf = (text: string): number => text.split('\n').length - 1

const matchesOf = (pattern: RegExp): number =>
  [...server.values()].reduce((sum, text) => sum + [...text.matchAll(pattern)].length, 0)

const unusedTypes = typesWithoutImporter(server, all)

const basenames = Map.groupBy([...server.keys()], file => posix.basename(file))
const small = [...server].filter(([file, text]) => linesOf(text) <= 40 && importersOf(file).length === 1)

const figures: readonly (readonly [what: string, count: number])[] = [
  ['files in packages/server/src', server.size],
  ['lines', [...server.values()].reduce((sum, text) => sum + linesOf(text), 0)],
  ['files of at most 40 lines with a single importer', small.length],
  ...(folder === own ? additions : []).map(
    ({ what, files }) => [`source files for ${what}`, files.length] as const,
  ),
  [
    'files with more than 20 imports',
    [...imported].filter(([file, to]) => isSource(file) && to.size > 20).length,
  ],
  ['exported types that no other file names', unusedTypes.length],
  ['conditional spreads', matchesOf(/\.\.\.\([^()]*(?:\([^()]*\)[^()]*)*&&/g)],
  ['spreads of an object literal', matchesOf(/\.\.\.\{/g)],
  ['basenames used more than once', [...basenames.values()].filter(files => files.length > 1).length],
  ['suspects by the rules of prose', proseSuspects(prose).length],
]

for (const [what, count] of figures) console.log(`${String(count).padStart(7)}  ${what}`)
if (process.argv.includes('--list'))
  for (const line of [...small.map(([file]) => file), ...unusedTypes, ...proseSuspects(prose)])
    console.log(line)
