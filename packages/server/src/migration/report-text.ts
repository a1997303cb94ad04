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

/** Lines that need a decision are joined only if there are more of them, so that each entry is named. */
const mostNamed = 10

/** Returns one line for each member. Lines about several entries that differ only by index are joined. */
export function reportText({ lines }: Migration): string {
  const severalFiles = new Set(lines.map(({ file }) => file)).size > 1
  return [...Map.groupBy(lines, keyOf).values()]
    .flatMap(group =>
      isJoined(group) ? [[group[0]!, group.length] as const] : group.map(line => [line, 1] as const),
    )
    .map(([line, count]) => lineText(line, count, severalFiles))
    .join('')
}

const isJoined = (group: readonly Line[]): boolean =>
  group.length > mostNamed ||
  group.every(({ outcome }) => outcome === 'carried_over' || outcome === 'not_needed')

/** Large exports have a million lines, so this is not JSON. */
const keyOf = ({ file, source, outcome, target, why }: Line): string =>
  [file, outcome, why, ...source.map(anyIndex), '→', ...(target ?? []).map(anyIndex)].join('\0')

const anyIndex = (step: PropertyKey): PropertyKey => (typeof step === 'number' ? '*' : step)

function lineText(
  { file, source, outcome, target, why }: Line,
  count: number,
  severalFiles: boolean,
): string {
  const place = (path: Path) => visible(formatPath(path)).replaceAll(/\[\d+\]/g, count > 1 ? '[*]' : '$&')
  const from =
    source.length === 0 ? visible(file) : `${severalFiles ? `${visible(file)}: ` : ''}${place(source)}`
  const to = target ? ` → ${place(keyIn(target))}` : ''
  const times = count > 1 ? ` (${count} times)` : ''
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
