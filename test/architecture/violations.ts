/** Finds violations of the rules of `rooms.ts`. */

import { posix } from 'node:path'
import { type Imports, importsOf } from './imports.ts'
import { mayImportUnread, narrower, neverFromRoot, roomOf, rooms } from './rooms.ts'

/** Paths from the repository's root, and texts. */
export type Sources = ReadonlyMap<string, string>

type Arrow = { readonly from: string; readonly specifier: string; readonly file?: string }

export function importViolations(sources: Sources): readonly string[] {
  const arrows = [...sources].flatMap(([from, text]) =>
    imports(text).specifiers.map(specifier => arrowOf(from, specifier)),
  )
  return [
    ...[...sources.keys()].flatMap(unknownRoom),
    ...[...sources].flatMap(([file, text]) => unreadImport(file, text)),
    ...arrows.flatMap(arrow => danglingArrow(arrow, sources)),
    ...arrows.flatMap(forbiddenArrow),
    ...cycles(arrows),
  ]
}

const read = new Map<string, Imports>()

/** Each text is read once, however often the rules are checked. */
const imports = (text: string): Imports => {
  const known = read.get(text) ?? importsOf(text)
  read.set(text, known)
  return known
}

const mostLines = 500
const usualLines = 300

/** No file has more than 500 lines, and nine in ten have fewer than 300. */
export function lengthViolations(sources: Sources): readonly string[] {
  const lengths = [...sources].map(([file, text]) => ({ file, lines: text.split('\n').length - 1 }))
  const long = lengths.filter(({ lines }) => lines >= usualLines)
  return [
    ...lengths
      .filter(({ lines }) => lines > mostLines)
      .map(({ file, lines }) => `${file} has ${lines} lines, more than ${mostLines}`),
    ...(long.length * 10 > lengths.length ? [`more than one file in ten has ${usualLines} lines`] : []),
  ]
}

function arrowOf(from: string, specifier: string): Arrow {
  const ours = /^@tessera\/([\w-]+)\/(.+)$/.exec(specifier)
  if (ours) return { from, specifier, file: `packages/${ours[1]}/src/${ours[2]}.ts` }
  if (!specifier.startsWith('.')) return { from, specifier }
  return { from, specifier, file: posix.join(posix.dirname(from), specifier) }
}

const isCode = (file: string): boolean => file.endsWith('.ts')

const unknownRoom = (file: string): readonly string[] =>
  Object.hasOwn(rooms, roomOf(file)) ? [] : [`${file} lies in "${roomOf(file)}", a room without a row`]

const unreadImport = (file: string, text: string): readonly string[] =>
  imports(text).unreadable > 0 && !mayImportUnread.includes(file)
    ? [`${file} imports what is not written in it`]
    : []

const danglingArrow = ({ from, specifier, file }: Arrow, sources: Sources): readonly string[] =>
  file !== undefined && isCode(file) && !sources.has(file)
    ? [`${from} imports ${specifier}, which does not exist`]
    : []

function forbiddenArrow({ from, specifier, file }: Arrow): readonly string[] {
  const only = narrower[from]
  if (only && !only.includes(file ?? specifier) && !only.includes(file ? roomOf(file) : ''))
    return [`${from} may import nothing but ${only.join(', ')}; it imports ${specifier}`]
  const room = roomOf(from)
  const row = rooms[room]
  if (!row) return []
  if (file === undefined)
    return row.packages.includes(packageOf(specifier))
      ? []
      : [`${from}: "${room}" may not import ${specifier}`]
  // Text files and templates beside the code may be read by any file of their room.
  if (!isCode(file)) return []
  const to = roomOf(file)
  const allowed =
    to === room ||
    to === 'protocol' ||
    row.rooms.includes(to) ||
    row.rooms.includes(file) ||
    (row.rooms.includes('*') && !neverFromRoot.includes(to))
  return allowed ? [] : [`${from}: "${room}" may not import "${to}" (${specifier})`]
}

/** `jose` of `jose/jwt/decode`; Node's modules by their full name. */
const packageOf = (specifier: string): string =>
  specifier.startsWith('node:')
    ? specifier
    : specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/')

/** Each cycle once, by the path that closes it (types count: a cycle of types is a cyclic design). */
function cycles(arrows: readonly Arrow[]): readonly string[] {
  const targets = new Map<string, string[]>()
  for (const { from, file } of arrows) {
    if (file !== undefined && isCode(file)) targets.set(from, [...(targets.get(from) ?? []), file])
  }
  const done = new Set<string>()
  const path: string[] = []
  const found: string[] = []
  const visit = (file: string): void => {
    const begin = path.indexOf(file)
    if (begin >= 0) found.push(`cycle: ${[...path.slice(begin), file].join(' → ')}`)
    if (begin >= 0 || done.has(file)) return
    path.push(file)
    for (const target of targets.get(file) ?? []) visit(target)
    path.pop()
    done.add(file)
  }
  for (const file of targets.keys()) visit(file)
  return found
}
