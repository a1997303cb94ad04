/** Turns lines of the log into what happened to each request: the steps that it passed, and why it was refused. */

import { type Step, stepsOf } from '../../model/steps.ts'
import type { LogLine } from './log-line.ts'
import { masked } from './masked-text.ts'
import type { FindReason } from './reasons.ts'

export type Story = {
  /** Undefined for lines without a request, such as those of background jobs. */
  readonly request_id?: string
  readonly time: string
  readonly endpoint?: string
  readonly client_id?: string
  readonly network?: string
  readonly worker?: number
  /** Ids that other lines contain too. */
  readonly links: Readonly<Record<string, string>>
  readonly steps: readonly StepOutcome[]
  readonly refusal?: StoredRefusal
  readonly lines: readonly Line[]
}

type StepOutcome = { readonly step: string; readonly outcome: 'passed' | 'refused' | 'not_reached' }

type StoredRefusal = {
  readonly error?: string
  readonly reason: string
  readonly meaning?: string
  readonly section?: string
  readonly expected?: unknown
  readonly received?: unknown
  readonly fix?: string
}

type Line = {
  readonly time: string
  readonly level: string
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Events whose request was not served as asked. */
const refusing: ReadonlySet<string> = new Set(['refused', 'token_inactive'])

/** Shown once for the whole request instead of in each line. */
const common: ReadonlySet<string> = new Set([
  ...['request_id', 'network', 'worker', 'endpoint', 'client_id', 'steps'],
  ...['error', 'reason', 'expected', 'received'],
])

/** Returns a story for each request, in the order of their first lines. */
export function storiesOf(lines: readonly LogLine[], findReason: FindReason): readonly Story[] {
  const inOrder = lines
    .map((line, index) => ({ line, index }))
    .sort((one, other) => compare(one.line.time, other.line.time) || one.index - other.index)
    .map(({ line }) => line)
  // A line without a request is a story of its own.
  const groups = Map.groupBy(inOrder, ({ fields }) => fields.request_id ?? Symbol('no request'))
  return [...groups.values()].map(group => storyOf(group, findReason))
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

function storyOf(group: readonly LogLine[], findReason: FindReason): Story {
  const first = <Value>(name: string, is: (value: unknown) => value is Value): Value | undefined =>
    group.map(({ fields }) => fields[name]).find(is)
  const refused = group.find(({ event }) => refusing.has(event))
  const endpoint = first('endpoint', isText)
  return masked({
    request_id: first('request_id', isText),
    time: group[0]?.time ?? '',
    endpoint,
    client_id: first('client_id', isText),
    network: first('network', isText),
    worker: first('worker', isNumber),
    links: linksOf(group),
    steps: outcomesOf(endpoint, first('steps', isSteps) ?? [], refused?.event === 'refused'),
    refusal: refused && refusalOf(refused, findReason),
    lines: group.map(({ time, level, event, fields }) => ({
      time,
      level,
      event,
      fields: Object.fromEntries(Object.entries(fields).filter(([name]) => !common.has(name))),
    })),
  }) as Story
}

function refusalOf({ fields }: LogLine, findReason: FindReason): StoredRefusal {
  const { error, expected, received } = fields
  const reason = isText(fields.reason) ? fields.reason : JSON.stringify(fields.reason ?? null)
  return { ...(isText(error) && { error }), reason, ...findReason(reason), expected, received }
}

/** Returns the steps in the line, and those of the endpoint that come after the last one. */
function outcomesOf(
  endpoint: string | undefined,
  reached: readonly string[],
  isRefused: boolean,
): readonly StepOutcome[] {
  const last = reached.at(-1)
  const all: readonly string[] = endpoint === undefined ? [] : stepsOf(endpoint)
  const after =
    isRefused && last !== undefined
      ? all.slice(all.indexOf(last as Step) + 1).filter(step => !reached.includes(step))
      : []
  return [
    ...reached.map(step => ({ step, outcome: isRefused && step === last ? 'refused' : 'passed' }) as const),
    ...after.map(step => ({ step, outcome: 'not_reached' }) as const),
  ]
}

const linksOf = (group: readonly LogLine[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (['authorization_id', 'sid', 'family'] as const).flatMap(name => {
      const value = group.map(({ fields }) => fields[name]).find(isText)
      return value === undefined ? [] : [[name, value]]
    }),
  )

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number'
const isSteps = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText)
