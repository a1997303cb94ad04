/** `tessera explain`: shows from the log what happened to a request. Needs no configuration and no store. */

import { explain as explainFrom, type LogSource } from '../operations/explain/explain.ts'
import { storyText } from '../operations/explain/story-text.ts'
import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode } from './command.ts'

type ExplainFlags = { readonly json?: boolean; readonly related?: boolean }

const usage =
  'tessera: no log to read: name its files, or pipe it: journalctl -u tessera -o cat | tessera explain ID'
const relatedUsage = 'tessera: --related reads the log twice, so it needs files instead of standard input'

export async function explain(
  id: string,
  files: readonly string[],
  { json = false, related = false }: ExplainFlags,
): Promise<ExitCode> {
  const readsInput = files.length === 0 || files.includes('-')
  if (readsInput && (process.stdin.isTTY || related)) {
    writeError(`${related ? relatedUsage : usage}\n`)
    return 2
  }
  const sources = (files.length === 0 ? ['-'] : files).map(
    (file): LogSource => (file === '-' ? process.stdin : file),
  )
  const { stories, unreadable, left, problems } = await explainFrom(id, sources, { related })
  for (const problem of problems) writeError(`tessera: ${problem}\n`)
  if (stories.length > 0)
    writeOutput(
      json ? `${JSON.stringify({ id, requests: stories }, null, 2)}\n` : stories.map(storyText).join('\n'),
    )
  if (unreadable > 0) writeError(`tessera: ${counted(unreadable, 'line')} with this id could not be read\n`)
  if (left > 0) writeError(`tessera: ${counted(left, 'more line')} with this id\n`)
  if (stories.length === 0) writeError(`${nothingFound}\n`)
  return stories.length > 0 && problems.length === 0 ? 0 : 1
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

const nothingFound = `tessera: no line contains this id as request_id, authorization_id, sid, family, jti or event_id.
Refusals and issued tokens are logged at level info, every other request only at debug (TESSERA_LOG_LEVEL).
Check that the log covers the time of the request, and that the id is the x-request-id of its response.`
