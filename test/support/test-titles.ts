/** The titles of the repository's tests, as tables and documents name them. */

import { textsOf } from './repository.ts'

/** Returns a title with `…` for each part that a template fills in, and without the brackets behind it. */
const plain = (title: string): string =>
  title
    .replaceAll(/\$\{[^}]*\}/g, '…')
    .replaceAll(/ \[[^\]]*\]/g, '')
    .trim()

/** Returns the titles in texts of test files. */
export const titlesIn = (texts: Iterable<string>): ReadonlySet<string> =>
  new Set(
    [...texts].flatMap(text =>
      [...text.matchAll(/\btest\(\s*(['`])(.+?)\1,/g)].map(([, , title = '']) => plain(title)),
    ),
  )

/** Returns the titles of every test file, by its path from the root. */
export const titlesByFile = (): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map([...textsOf('test/**/*.test.ts')].map(([file, text]) => [file, titlesIn([text])]))
