/** Keywords that Auth0's deploy tool replaces: `##NAME##` by a text, `@@NAME@@` by a value in JSON. */

import { type Convert, filledText } from '../convert.ts'

/** A text. One with a keyword is kept, because others may refer to it, and reported. */
export const textOrKeyword: Convert<string> = (source, target) => {
  const text = source.whole()
  if (typeof text !== 'string' || !hasPlaceholder(text)) return filledText(source, target)
  source.changed('it contains a keyword: replace it by its value', target)
  return text
}

/** Returns the name of the keyword if the text is one. */
export const placeholderIn = (text: string | undefined): string | undefined =>
  /^(?:##|@@)([A-Za-z0-9_]+)(?:##|@@)$/.exec((text ?? '').trim())?.[1]

/** Returns whether a text contains a keyword. */
export const hasPlaceholder = (text: string): boolean => /##[A-Za-z0-9_]+##|@@[A-Za-z0-9_]+@@/.test(text)

/**
 * Quotes values that are a keyword without quotes. The tool replaces them before it parses the file; in YAML, `@@` is no
 * value, and `##` begins a comment.
 */
export const quoteKeywords = (yaml: string): string =>
  yaml.replaceAll(/(?<=(?:[:-][ \t]+|[[,{][ \t]*))(@@|##)[A-Za-z0-9_]+\1(?=[ \t]*(?:$|[,\]}#]))/gm, "'$&'")
