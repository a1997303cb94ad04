/** Finds the events that the server's source writes to the log, with their levels and the members that are in the call. */

import { textsOf } from './repository.ts'

export type FoundEvent = { readonly levels: ReadonlySet<string>; readonly members: ReadonlySet<string> }

/** `log.info(`, `ports.log?.warn(`, `log[alarm ? 'warn' : 'info'](`. */
const calls = /\b(?:log|logger)(?:\?)?(?:\.(debug|info|warn|error)|\[([^\]]+)\])\(/g
const repeated = /\brepeatedLine\(\s*(?:\w+\.)*log\.(\w+),\s*\{\s+event: '(\w+)',\s+count: '(\w+)',?\s+\}/g
/** Events that a call gets from elsewhere: the jobs name the event of their failure. */
const named = /\bfailed: '(\w+)'/g

/** A function that logs the event that it is given. */
const reported = /\breport\(/g

/** The values of `device_${outcome}`. */
const outcomes = ['approved', 'denied', 'gone']

export function eventsIn(texts: Iterable<string>): ReadonlyMap<string, FoundEvent> {
  const found = new Map<string, { levels: Set<string>; members: Set<string> }>()
  const add = (event: string, levels: readonly string[], members: readonly string[]): void => {
    const entry = found.get(event) ?? { levels: new Set(), members: new Set() }
    for (const level of levels) entry.levels.add(level)
    for (const member of members) entry.members.add(member)
    found.set(event, entry)
  }
  for (const text of texts) {
    for (const call of text.matchAll(calls)) {
      const [first = '', second = ''] = argumentsAt(text, call.index + call[0].length)
      const levels = call[1] === undefined ? literalsOf(call[2] ?? '') : [call[1]]
      // pino's own order.
      const event = first.startsWith('lost') ? second : first
      for (const name of namesOf(event)) add(name, levels, membersOf(second))
    }
    for (const [, level = '', event = '', count = ''] of text.matchAll(repeated)) add(event, [level], [count])
    for (const call of text.matchAll(reported)) {
      const [, event = ''] = argumentsAt(text, call.index + call[0].length)
      for (const name of literalsOf(event)) add(name, ['info'], [])
    }
    for (const [, event = ''] of text.matchAll(named)) add(event, ['error'], ['error', 'reason'])
  }
  return found
}

export const eventsOfServer = (): ReadonlyMap<string, FoundEvent> =>
  eventsIn(textsOf('packages/server/src/**/*.ts').values())

const literalsOf = (text: string): readonly string[] =>
  [...text.replace(/[!=]== '[^']*'/g, '').matchAll(/'([a-z_\d]+)'/g)].map(([, name = '']) => name)

const namesOf = (argument: string): readonly string[] =>
  argument.startsWith('`device_') ? outcomes.map(outcome => `device_${outcome}`) : literalsOf(argument)

/** The names at the top level of an object literal. */
function membersOf(argument: string): readonly string[] {
  if (!argument.startsWith('{')) return []
  return argumentsAt(argument, 1).flatMap(member => {
    const name = /^(\w+)\s*(?::|$)/.exec(member)?.[1]
    return name === undefined ? [] : [name]
  })
}

/** Splits at commas up to the closing bracket. Comments and regular expressions don't occur there. */
function argumentsAt(text: string, start: number): readonly string[] {
  const parts: string[] = []
  let depth = 0
  let from = start
  let quote = ''
  for (let at = start; at < text.length; at++) {
    const character = text[at] ?? ''
    if (quote !== '') quote = character === quote ? '' : quote
    else if ('\'"`'.includes(character)) quote = character
    else if ('([{'.includes(character)) depth++
    else if (depth > 0 && ')]}'.includes(character)) depth--
    else if (')]}'.includes(character) || (character === ',' && depth === 0)) {
      parts.push(text.slice(from, at).trim())
      from = at + 1
      if (character !== ',') break
    }
  }
  return parts.filter(part => part !== '')
}
