/** Prints a report for people, and for programs. */

import { formatPath } from '../configuration/diagnostic.ts'
import type { Path } from '../configuration/validation/schema.ts'
import type { Migration } from './migrate.ts'
import { type Line, type Outcome, outcomes } from './report.ts'

const words: Readonly<Record<Outcome, string>> = {
  carried_over: 'carried over',
  changed: 'changed',
  not_needed: 'not needed',
  not_possible: 'not possible',
}
const width = 14

/** Returns one line for each member. Members of several entries that are carried over, or not needed, share a line. */
export function reportText({ lines }: Migration): string {
  const severalFiles = new Set(lines.map(({ file }) => file)).size > 1
  const shared = Map.groupBy(lines, (line, index) => keyOf(line, index))
  return [...shared.values()]
    .map(([line, ...others]) => lineText(line!, others.length, severalFiles))
    .join('')
}

function keyOf(line: Line, index: number): string {
  if (line.outcome === 'changed' || line.outcome === 'not_possible') return String(index)
  const { file, source, outcome, target, why } = line
  return JSON.stringify([file, outcome, source.map(anyIndex), target?.map(anyIndex), why])
}

const anyIndex = (step: PropertyKey): PropertyKey => (typeof step === 'number' ? '*' : step)

function lineText(
  { file, source, outcome, target, why }: Line,
  others: number,
  severalFiles: boolean,
): string {
  const place = (path: Path) => visible(formatPath(path)).replaceAll(/\[\d+\]/g, others > 0 ? '[*]' : '$&')
  const from =
    source.length === 0 ? visible(file) : `${severalFiles ? `${visible(file)}: ` : ''}${place(source)}`
  const to = target ? ` → ${place(keyIn(target))}` : ''
  const times = others > 0 ? ` (${others + 1} times)` : ''
  return `${words[outcome].padEnd(width)}${from}${to}${times}${why === undefined ? '' : `: ${visible(why)}`}\n`
}

/** The scopes of a client are one key. */
const keyIn = (target: Path): Path => (target[2] === 'scope' ? target.slice(0, 3) : target)

/** Names in the file could contain control characters, which a terminal would follow. */
const visible = (text: string): string =>
  text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, character => `\\u{${character.codePointAt(0)!.toString(16)}}`)

export function summaryText({ lines, configuration, users, variables }: Migration): string {
  const count = (outcome: Outcome) => lines.filter(line => line.outcome === outcome).length
  const lengthOf = (list: unknown) => (Array.isArray(list) ? list.length : 0)
  const contents = [
    ['clients', lengthOf(configuration.clients)],
    ['API scopes', lengthOf(configuration.api_scopes)],
    ['APIs', lengthOf(configuration.api_resources)],
    ['identity resources', lengthOf(configuration.identity_resources)],
    ['configured users', lengthOf(configuration.users)],
    ['users for the store', users.length],
  ] as const
  return [
    contents.map(([what, number]) => `${what}: ${number}`).join(', '),
    outcomes.map(outcome => `${words[outcome]}: ${count(outcome)}`).join(', '),
    ...(variables.length > 0 ? [`variables to set: ${variables.join(', ')}`] : []),
    '',
  ].join('\n')
}

/** Returns the report as JSON. It contains no values of the files. */
export const reportJson = ({ lines, configuration, users, variables }: Migration): string =>
  `${JSON.stringify(
    {
      lines: lines.map(({ file, source, outcome, target, why }) => ({
        outcome,
        file,
        source: formatPath(source),
        ...(target && { target: formatPath(keyIn(target)) }),
        ...(why !== undefined && { why }),
      })),
      summary: Object.fromEntries(
        outcomes.map(outcome => [outcome, lines.filter(line => line.outcome === outcome).length]),
      ),
      clients: Array.isArray(configuration.clients) ? configuration.clients.length : 0,
      users: users.length,
      variables,
    },
    null,
    2,
  )}\n`
