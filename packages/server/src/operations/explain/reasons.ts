/** Reads what docs/reasons.md says about reasons, so that `tessera explain` and the page can't differ. */

import { readFile } from 'node:fs/promises'
import { sections } from './sections.ts'

type Reason = {
  readonly meaning?: string
  readonly fix?: string
  readonly section?: string
}

const pages = { source: '../../../../../docs/reasons.md', built: '../../reasons.md' }

export type FindReason = (reason: string) => Reason

/** Returns a function that finds a reason. For one that is not documented, such as a module's own, it finds nothing. */
export async function readReasons(): Promise<FindReason> {
  const page = import.meta.url.endsWith('.ts') ? pages.source : pages.built
  const rows = rowsOf(await readFile(new URL(page, import.meta.url), 'utf8'))
  return reason => {
    const section = sections.get(reason)
    return { ...rows.get(reason), ...(section !== undefined && { section }) }
  }
}

const rowsOf = (page: string): ReadonlyMap<string, Pick<Reason, 'meaning' | 'fix'>> =>
  new Map(
    [...page.matchAll(/^\| `([a-z\d_]+)` \| (.+) \| (.+) \|$/gm)].map(
      ([, reason = '', meaning = '', fix = '']) => [reason, { meaning: plain(meaning), fix: plain(fix) }],
    ),
  )

/** Removes Markdown. */
const plain = (text: string): string => text.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1').replaceAll('`', '')
