/** Prints what happened to a request for a person. */

import type { Story } from './story.ts'

/** A check mark, a cross and a dot. */
const marks = { passed: '\u2713', refused: '\u2717', not_reached: '\u00b7' } as const

/** Members of a refusal and how they are called, in the order of the text. */
const labels = [
  ['meaning', ''],
  ['expected', 'expected'],
  ['received', 'received'],
  ['section', 'section'],
  ['fix', 'fix'],
] as const

export function storyText(story: Story): string {
  const { request_id, time, endpoint, client_id, network, worker, links, steps, refusal } = story
  const about = Object.entries({ endpoint, client_id, network, worker, ...links })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${value}`)
  return [
    request_id === undefined ? `no request, ${time}` : `request ${request_id}, ${time}`,
    ...(about.length > 0 ? [`  ${about.join(', ')}`] : []),
    '',
    ...steps.flatMap(({ step, outcome }) => [
      `  ${marks[outcome]} ${step}${whyOf(story, outcome)}`,
      ...(refusal && outcome === 'refused' ? refusalLines(refusal) : []),
    ]),
    ...(refusal && isElsewhere(story)
      ? [`  ${marks.refused} ${refusal.reason}`, ...refusalLines(refusal)]
      : []),
    ...(steps.length > 0 || refusal ? [''] : []),
    ...story.lines.map(lineText),
    '',
  ].join('\n')
}

/** Returns whether no step refused: the line has no steps, or the response does not tell the caller. */
const isElsewhere = ({ steps }: Story): boolean => steps.every(({ outcome }) => outcome !== 'refused')

const whyOf = ({ refusal }: Story, outcome: keyof typeof marks): string => {
  if (outcome === 'not_reached') return ' (not reached)'
  if (outcome === 'passed' || !refusal) return ''
  return `: ${[refusal.error, refusal.reason].filter(text => text !== undefined).join(', ')}`
}

function refusalLines(refusal: NonNullable<Story['refusal']>): readonly string[] {
  return labels.flatMap(([name, label]) => {
    const value = refusal[name]
    if (value === undefined) return []
    return [`      ${label === '' ? '' : `${label}: `}${valueText(value)}`]
  })
}

function lineText({ time, level, event, fields }: Story['lines'][number]): string {
  const more = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`)
  return `  ${[time, level, event, ...more].filter(text => text !== '').join(' ')}`
}

const valueText = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(valueText).join(' ')
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}
