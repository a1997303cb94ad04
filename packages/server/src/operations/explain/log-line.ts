/** Reads a line of the log, also behind the prefix of another program: journald, Docker, Kubernetes. */

import { parseJsonObject } from '@tessera/protocol/json'

export type LogLine = {
  readonly event: string
  readonly level: string
  /** ISO 8601; empty if the line has none. */
  readonly time: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Fields with an id that links the lines of a request, a sign-in or a session. */
const linkingFields = ['request_id', 'authorization_id', 'sid', 'family', 'jti', 'event_id'] as const

/** Returns the line; undefined if it is not a line of Tessera's log or is incomplete. */
export function parseLogLine(text: string): LogLine | undefined {
  const start = text.indexOf('{')
  const value = start < 0 ? undefined : parseJsonObject(text.slice(start, text.lastIndexOf('}') + 1))
  if (value === undefined) return undefined
  // Docker's json-file driver puts each line into a member.
  if (typeof value.log === 'string' && value.event === undefined) return parseLogLine(value.log)
  const { event, level, time, ...fields } = value
  if (typeof event !== 'string') return undefined
  return {
    event,
    level: typeof level === 'string' ? level : '',
    time: typeof time === 'string' ? time : '',
    fields,
  }
}

/** Returns whether the id is in a field that links lines. Other fields contain what strangers chose. */
export const concerns = ({ fields }: LogLine, ids: ReadonlySet<string>): boolean =>
  linkingFields.some(name => {
    const value = fields[name]
    return typeof value === 'string' && ids.has(value)
  })
