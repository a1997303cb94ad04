/**
 * `npm run api`: writes `api.txt` of each package, which lists what its entries promise: the declarations that they export,
 * and those that these refer to. A change of the public interface is a change of that file.
 */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

type Declarations = {
  /** Maps names that the file declares to their text, without comments. */
  readonly own: ReadonlyMap<string, string>
  /** Maps names to the file and the name there. `*` is a namespace. */
  readonly taken: ReadonlyMap<string, { readonly file: string; readonly name: string }>
  /** The names that it exports. */
  readonly exported: readonly string[]
}

type Found = { readonly file: string; readonly name: string; readonly text: string }

/** @param folder an installed package, or one that was built. */
export function apiReport(folder: string): string {
  const { name, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const read = reader(folder)
  const found = new Map<string, Found>()
  const visit = (file: string, wanted: string): void => {
    const { own, taken } = read(file)
    const from = taken.get(wanted)
    if (from) {
      visit(from.file, from.name)
      return
    }
    const text = own.get(wanted)
    if (text === undefined || found.has(`${file} ${wanted}`)) return
    found.set(`${file} ${wanted}`, { file, name: wanted, text })
    for (const [, namespace, word = ''] of text.matchAll(/(?:\b(\w+)\.|typeof )?\b([A-Za-z_]\w*)/g)) {
      const target = namespace === undefined ? undefined : taken.get(namespace)
      if (target?.name === '*') visit(target.file, word)
      else if (own.has(word) || taken.has(word)) visit(file, word)
    }
  }
  const entries = Object.entries(exports as Readonly<Record<string, { readonly types: string }>>)
  const promised = entries.map(([entry, { types }]) => {
    const file = types.slice(2)
    const { exported } = read(file)
    for (const one of exported) visit(file, one)
    return `${posix.join(name, entry)}\n${exported.map(one => `  ${one}\n`).join('')}`
  })
  const listed = [...found.values()].toSorted(
    (one, other) => compare(one.file, other.file) || compare(one.name, other.name),
  )
  return [
    'Written by `npm run api`. The entries with the names that they export, then the declarations of these names and of\n' +
      'what they refer to.\n',
    ...promised,
    ...listed.map(({ file, text }) => `${file}\n${text}\n`),
  ].join('\n')
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

function reader(folder: string): (file: string) => Declarations {
  const known = new Map<string, Declarations>()
  return file => {
    const declarations = known.get(file) ?? parse(readFileSync(join(folder, file), 'utf8'), file)
    known.set(file, declarations)
    return declarations
  }
}

/** Reads what the compiler writes: each statement begins at the start of a line, and its other lines are indented. */
function parse(text: string, file: string): Declarations {
  const own = new Map<string, string>()
  const taken = new Map<string, { file: string; name: string }>()
  const exported: string[] = []
  const withoutComments = text.replace(/^ *\/\*\*[\s\S]*?\*\/\n|^ *\/\/.*\n/gm, '')
  for (const statement of withoutComments.split(/\n(?=[a-z])/)) {
    const [, kind, names = '', from] =
      /^(import|export) (?:type )?(\{[^}]*\}|\* as \w+) from '([^']+)';/.exec(statement) ?? []
    const [, listed] = /^export (?:type )?\{([^}]*)\};/.exec(statement) ?? []
    if (kind && from) {
      for (const { local, name } of bindings(names)) {
        if (kind === 'export') exported.push(local)
        // Other packages have their own report.
        if (from.startsWith('.'))
          taken.set(local, { file: posix.join(posix.dirname(file), from.replace(/\.js$/, '.d.ts')), name })
      }
    } else if (listed !== undefined) exported.push(...bindings(`{${listed}}`).map(({ local }) => local))
    else {
      const [, isExported, name] =
        /^(export )?(?:declare )?(?:abstract )?(?:type|interface|const|function|class|let|namespace) (\w+)/.exec(
          statement,
        ) ?? []
      if (name === undefined) continue
      // Overloads are statements of the same name.
      own.set(name, [own.get(name), statement.trim()].filter(Boolean).join('\n'))
      if (isExported && !exported.includes(name)) exported.push(name)
    }
  }
  return { own, taken, exported }
}

function bindings(names: string): readonly { readonly local: string; readonly name: string }[] {
  const [, namespace] = /^\* as (\w+)$/.exec(names) ?? []
  if (namespace !== undefined) return [{ local: namespace, name: '*' }]
  return names
    .replace(/[{}]/g, '')
    .split(',')
    .map(one => one.trim().replace(/^type /, ''))
    .filter(one => one !== '')
    .map(one => {
      const [name = '', local = name] = one.split(' as ')
      return { local, name }
    })
}

if (import.meta.main) {
  const packages = fileURLToPath(new URL('.', import.meta.url))
  for (const name of ['protocol', 'server']) {
    execFileSync(process.execPath, [join(packages, 'build.ts'), name], { stdio: 'inherit' })
    await writeFile(join(packages, name, 'api.txt'), apiReport(join(packages, name)))
  }
}
