/** Titles of tests as in the source, with `…` for each part that differs between cases (`${…}`). */

import { textsOf } from '../../support/repository.ts'

/** `test('…'` and `test(\`…\``, also over several lines, and sub-tests (`t.test`). */
const call = /\b(?:test|it)\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g

/** Titles by file, by the path from the repository's root. */
export const titles: ReadonlyMap<string, readonly string[]> = new Map(
  [...textsOf('test/**/*.ts')].map(([file, text]) => [
    file,
    [...text.matchAll(call)].map(([, single, double, template]) =>
      (single ?? double ?? template ?? '').replaceAll(/\\(.)/g, '$1').replaceAll(/\$\{[^}]*\}/g, '…'),
    ),
  ]),
)

/** Returns what is wrong with a reference to a test, or undefined if a title of the file begins so. */
export function missing(file: string, title: string): string | undefined {
  const known = titles.get(file)
  if (known === undefined) return `${file} does not exist`
  // A few words are not enough: any test could begin with them.
  if (title.split(/\s+/).length < 3) return `"${title}" is too short to name a test`
  return known.some(one => one.startsWith(title)) ? undefined : `no test of ${file} begins with "${title}"`
}
