/** Explains requests from the log: finds the lines of an id, and what they say about each request. */

import { concerns, type LogLine, parseLogLine } from './log-line.ts'
import { decompressed, matchingLines, openLog } from './log-lines.ts'
import { readReasons } from './reasons.ts'
import { type Story, storiesOf } from './story.ts'

/** A file's name, or the bytes of standard input. */
export type LogSource = string | AsyncIterable<Buffer>

export type Explanation = {
  readonly stories: readonly Story[]
  /** Lines that contain the id but could not be read. */
  readonly unreadable: number
  /** Lines that were found beyond the limit. */
  readonly left: number
  /** Sources that could not be read to the end. */
  readonly problems: readonly string[]
}

/** Lines to keep. A session may have many more. */
const mostLines = 2000

/**
 * Reads the sources once, and again for `related`: then lines of the same authorization and session are included, for
 * which the sources must be files.
 */
export async function explain(
  id: string,
  sources: readonly LogSource[],
  { related = false }: { readonly related?: boolean } = {},
): Promise<Explanation> {
  const found = await collect([id], sources)
  const links = related ? found.lines.flatMap(linkedIds) : []
  const { lines, ...rest } = links.length > 0 ? await collect([...new Set([id, ...links])], sources) : found
  return { stories: storiesOf(lines, await readReasons()), ...rest }
}

const linkedIds = ({ fields }: LogLine): readonly string[] =>
  [fields.authorization_id, fields.sid].filter(value => typeof value === 'string')

/** Returns whether a line that is not JSON seems to be a damaged one of ours, and not one of another program. */
const isOurs = (line: string): boolean => line.includes('"level"')

type Collected = Omit<Explanation, 'stories'> & { readonly lines: readonly LogLine[] }

async function collect(ids: readonly string[], sources: readonly LogSource[]): Promise<Collected> {
  const wanted = new Set(ids)
  const lines: LogLine[] = []
  const problems: string[] = []
  let unreadable = 0
  let left = 0
  for (const source of sources) {
    try {
      const bytes = typeof source === 'string' ? openLog(source) : decompressed(source)
      for await (const { line } of matchingLines(bytes, ids)) {
        const parsed = line === undefined ? undefined : parseLogLine(line)
        if (parsed === undefined) unreadable += line === undefined || isOurs(line) ? 1 : 0
        else if (!concerns(parsed, wanted)) continue
        else if (lines.length < mostLines) lines.push(parsed)
        else left += 1
      }
    } catch (error) {
      const name = typeof source === 'string' ? source : 'standard input'
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { lines, problems, unreadable, left }
}
