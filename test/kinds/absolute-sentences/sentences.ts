/** Finds the absolute sentences of a Markdown text: those that promise something without exception. */

/** Words that promise. `none` and the like count only in prose: code is removed first. */
const absolute = new RegExp(
  String.raw`\b(?:${[
    'never',
    'always',
    'exactly',
    'at most',
    'nobody',
    'no one',
    'none',
    'cannot',
    "can['’]t",
    'must not',
    'impossible',
    'whatever',
    'byte for byte',
    'in every case',
    'without exception',
    // "once" promises where it counts uses, and not where it means "as soon as".
    'only once',
    '(?:used|works?|work|accepted|given|redeemed|shown) (?:only )?once',
    'of one use',
    'one use',
    '(?:costs?|look|looks|is|are) (?:the same|alike)',
    'costs? (?:nothing|no|what|one|a request)',
    'alike',
    'every',
  ].join('|')})\b`,
  'i',
)

/** A fragment of fewer words is a value in a table ("never."), not a sentence. */
const fewestWords = 4

/** Returns each absolute sentence of the text once, in order, on one line. Fenced code and headings are not sentences. */
export function absoluteSentences(markdown: string): readonly string[] {
  const sentences = blocks(markdown).flatMap(block => block.split(/(?<=[.!?;]["”)*]*)\s+/))
  return [...new Set(sentences.filter(isAbsolute))]
}

const isAbsolute = (sentence: string): boolean => {
  const prose = sentence.replaceAll(/`[^`]*`/g, 'code').replaceAll(/\]\([^)]*\)/g, ']')
  return prose.split(/\s+/).length >= fewestWords && absolute.test(prose)
}

/** Splits into paragraphs, list items and cells of tables, each on one line. */
function blocks(markdown: string): readonly string[] {
  const found: string[] = []
  let open = false
  for (const raw of markdown.replaceAll(/^```[\s\S]*?^```$/gm, '').split('\n')) {
    const line = raw.trim()
    if (line.startsWith('|')) found.push(...line.split(/(?<!\\)\|/).map(cell => cell.trim()))
    else if (line !== '' && !line.startsWith('#')) {
      if (open && !/^(?:[-*]|\d+\.)\s/.test(line)) found[found.length - 1] += ` ${line}`
      else found.push(line.replace(/^(?:[-*]|\d+\.)\s+/, ''))
      open = true
      continue
    }
    open = false
  }
  return found
}
