/** Words and phrases that are not plain English: the one list of rules for comments, documents and messages. */

import type { Sources } from './violations.ts'

/** A pattern, and what to write instead. */
type Rule = readonly [pattern: RegExp, instead: string]

const comment = String.raw`^\s*(?:\/?\*+|\/\/)\s*`

const rules: readonly Rule[] = [
  [new RegExp(`${comment}Answers?\\b`), 'Returns, Responds'],
  [new RegExp(`${comment}(?:What|Whom|Whose|Of what|That it|How it is)\\s`), 'start with a verb or a noun'],
  [/\bFulfilled when\b/, 'Resolves when'],
  [/\bunless said otherwise\b/i, 'default'],
  [/\banew\b/i, 'again'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix'],
  [/\bwhom\b/i, 'rephrase: that, which, clients that …'],
  [/\bwhose (?:row|file|statement|process)/i, 'rephrase'],
  [/\bof late\b/i, 'recently'],
  [/\bput to sleep\b/i, 'evicted'],
  [/\bgives? way\b|\bgave way\b/i, 'deadlock, is rolled back'],
  [/\bfor ever\b/i, 'permanently, indefinitely'],
  [/\b(?:is|are|was|were) told (?:of|by|to|once)\b/i, 'reports, is logged, receives'],
  [/\bstands? (?:in|for|here|there|twice|once)\b/i, 'is in, is listed, exists'],
  [/\bcomes? to be\b/i, 'is created'],
  [/\blook after\b/i, 'manage'],
  [/\bthat there (?:is|are) none\b/i, 'rephrase'],
  [/\bmade by hand\b/i, 'rephrase'],
  [/\bin its stead\b/i, 'instead'],
  [/\bfish(?:ed)? for\b/i, 'phish'],
]

/** Exceptions: parts of lines that a rule matches although they are plain English, and the reason. */
export const exceptions: readonly (readonly [part: string, reason: string])[] = []

/** Returns whether the rules apply to a file. This file quotes what it forbids, and translations are not English. */
export const isRead = (file: string): boolean =>
  !/^test\/(?:architecture\/)?prose\b/.test(file) && !/locales\/(?!en)/.test(file)

/** Comments, and strings of more than one word. */
const readByPeople = /^\s*(?:\/?\*|\/\/)|\/\/ |['"`].*\s.*['"`]/

/** Returns each suspect as `file:line: "words" → what to write`, except the exceptions. */
export const proseSuspects = (sources: Sources): readonly string[] =>
  [...sources].flatMap(([file, text]) =>
    text.split('\n').flatMap((line, index) => {
      if (!file.endsWith('.md') && !readByPeople.test(line)) return []
      if (exceptions.some(([part]) => line.includes(part))) return []
      return rules.flatMap(([pattern, instead]) => {
        const found = pattern.exec(line)
        return found ? [`${file}:${index + 1}: "${found[0].trim()}" → ${instead}`] : []
      })
    }),
  )
