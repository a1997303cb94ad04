/** Reads the declaration files of a built package: what each declares, takes from others, and exports. */

import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

export type Declaration = {
  /** Without comments. */
  readonly text: string
  /** With the comments of its members. */
  readonly commented: string
  /** The docstring before it, without its asterisks. */
  readonly docstring: string | undefined
}

export type Declarations = {
  /** The first comment of the file, which says what the file is for. */
  readonly header: string
  /** The names that the file declares. Overloads are one declaration. */
  readonly own: ReadonlyMap<string, Declaration>
  /** Maps names to the file and the name there. `*` is a namespace. */
  readonly taken: ReadonlyMap<string, { readonly file: string; readonly name: string }>
  /** The names that it exports. */
  readonly exported: readonly string[]
}

export type DeclarationReader = (file: string) => Declarations

/** @param folder a built package; files are named relative to it. */
export function declarationReader(folder: string): DeclarationReader {
  const known = new Map<string, Declarations>()
  return file => {
    const declarations = known.get(file) ?? parse(readFileSync(join(folder, file), 'utf8'), file)
    known.set(file, declarations)
    return declarations
  }
}

export type Found = { readonly file: string; readonly name: string; readonly declaration: Declaration }

/** Returns the declarations of names of a file, with those that they refer to. Other packages are left out. */
export function referredDeclarations(
  read: DeclarationReader,
  exports: readonly { readonly file: string; readonly name: string }[],
): readonly Found[] {
  const found = new Map<string, Found>()
  const visit = (file: string, wanted: string): void => {
    const { own, taken } = read(file)
    const from = taken.get(wanted)
    if (from) {
      visit(from.file, from.name)
      return
    }
    const declaration = own.get(wanted)
    if (declaration === undefined || found.has(`${file} ${wanted}`)) return
    found.set(`${file} ${wanted}`, { file, name: wanted, declaration })
    for (const [, namespace, word = ''] of declaration.text.matchAll(
      /(?:\b(\w+)\.|typeof )?\b([A-Za-z_]\w*)/g,
    )) {
      const target = namespace === undefined ? undefined : taken.get(namespace)
      if (target?.name === '*') visit(target.file, word)
      else if (own.has(word) || taken.has(word)) visit(file, word)
    }
  }
  for (const { file, name } of exports) visit(file, name)
  return [...found.values()]
}

/** Reads what the compiler writes: each statement begins at the start of a line, and its other lines are indented. */
function parse(text: string, file: string): Declarations {
  const own = new Map<string, Declaration>()
  const taken = new Map<string, { file: string; name: string }>()
  const exported: string[] = []
  let header: string | undefined
  let docstring: string | undefined
  for (const statement of statementsOf(text)) {
    if (statement.startsWith('/**')) {
      const comment = withoutAsterisks(statement)
      if (header === undefined) header = comment
      else docstring = comment
      continue
    }
    header ??= ''
    const plain = withoutComments(statement)
    const [, kind, names = '', from] =
      /^(import|export) (?:type )?(\{[^}]*\}|\* as \w+) from '([^']+)';/.exec(plain) ?? []
    const [, listed] = /^export (?:type )?\{([^}]*)\};/.exec(plain) ?? []
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
          plain,
        ) ?? []
      if (name !== undefined) {
        own.set(name, merge(own.get(name), { text: plain.trim(), commented: statement.trim(), docstring }))
        if (isExported && !exported.includes(name)) exported.push(name)
      }
    }
    docstring = undefined
  }
  return { header: header ?? '', own, taken, exported }
}

/** Returns the statements, and the docstrings between them. A comment before a member of a union is part of its statement. */
function statementsOf(text: string): readonly string[] {
  const statements: string[] = []
  for (const part of text.split(/\n(?=[a-z]|\/\*\*)/))
    if (/^\/\*\*[\s\S]*?\*\/\s*\S/.test(part)) statements.push(`${statements.pop()}\n${part}`)
    else statements.push(part)
  return statements
}

/** Joins overloads, which are statements of the same name. */
const merge = (earlier: Declaration | undefined, later: Declaration): Declaration =>
  earlier
    ? {
        text: `${earlier.text}\n${later.text}`,
        commented: `${earlier.commented}\n${later.commented}`,
        docstring: earlier.docstring ?? later.docstring,
      }
    : later

const withoutComments = (text: string): string => text.replace(/^ *\/\*\*[\s\S]*?\*\/\n|^ *\/\/.*\n/gm, '')

const withoutAsterisks = (comment: string): string =>
  comment
    .replace(/^\/\*\*\s?|\s*\*\/\s*$/g, '')
    .replace(/^ *\* ?/gm, '')
    .trim()

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
