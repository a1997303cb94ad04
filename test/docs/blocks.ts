/** Code blocks of the pages that users read. */

import { textsOf } from '../support/repository.ts'

export type Block = {
  readonly page: string
  /** Line of the first fence, from 1. */
  readonly line: number
  readonly language: string
  /** Without the fences and the indentation of a list. */
  readonly text: string
  /** Contents of the comment directly above the block: a name, or `not run: REASON`. */
  readonly mark: string | undefined
}

export const placeOf = ({ page, line }: Block): string => `${page}:${line}`

/**
 * Pages with records of what was once true (decisions, dated measurements) and notes for people who measure or change the code are
 * left out: their blocks are not instructions.
 */
const patterns = [
  '{README,CONTRIBUTING,SECURITY,CHANGELOG}.md',
  'docs/*.md',
  'docs/!(decisions|benchmarks)/**/*.md',
  'packages/*/README.md',
  'examples/**/README.md',
  '{deploy,site}/README.md',
]

/** Returns the pages by their paths from the root. */
export const pages = (): ReadonlyMap<string, string> =>
  new Map(patterns.flatMap(pattern => [...textsOf(pattern)]))

export const allBlocks = (): readonly Block[] => [...pages()].flatMap(([page, text]) => blocksOf(page, text))

/** Throws if a block does not end. */
export function blocksOf(page: string, text: string): readonly Block[] {
  const lines = text.split('\n')
  const blocks: Block[] = []
  for (let index = 0; index < lines.length; index++) {
    const [, indent = '', fence = '', language = ''] = /^( *)(`{3,})([^`]*)$/.exec(lines[index]!) ?? []
    if (fence === '') continue
    const end = lines.indexOf(indent + fence, index + 1)
    if (end === -1) throw new Error(`${page}:${index + 1}: the block does not end`)
    const [, mark] = /^ *<!-- (.+) -->$/.exec(lines[index - 1] ?? '') ?? []
    const content = lines.slice(index + 1, end).map(line => line.slice(indent.length))
    blocks.push({ page, line: index + 1, language: language.trim(), text: content.join('\n'), mark })
    index = end
  }
  return blocks
}
