/** Finds assertions on a refusal that would pass whichever guard refused, because the logged reason is not asserted. */

import type { Sources } from './violations.ts'

/** Error codes that many guards return. */
const bareAssertions = [
  /** `assert.equal(x.error, 'invalid_grant')`, also over several lines. */
  /\.error,\s*'(?:invalid_grant|invalid_client|invalid_request)'/g,
  /** `invalid_grant` in any other assertion, such as one on a whole body. */
  /\bassert\.\w+\(.*'invalid_grant'/g,
]

/** The log of a server in another process belongs to that process. */
const startsProcesses = /from '[./\w]+\/(?:support\/process|process|tessera)\.ts'/
const inProcess = /from '[./\w]+\/support\/tessera\.ts'/

/** Each assertion as `file:line`, unless the reason is asserted in the same line or one of the next two. */
export const refusalsWithoutReason = (sources: Sources): readonly string[] =>
  [...sources]
    .filter(([, text]) => inProcess.test(text) && !startsProcesses.test(text.replace(inProcess, '')))
    .flatMap(([file, text]) => {
      const lines = text.split('\n')
      const found = bareAssertions.flatMap(pattern => [...text.matchAll(pattern)])
      const ends = found.map(({ index, 0: { length } }) => text.slice(0, index + length).split('\n').length)
      return [...new Set(ends)]
        .filter(end => !/reason/i.test(lines.slice(end - 1, end + 2).join('\n')))
        .toSorted((one, other) => one - other)
        .map(line => `${file}:${line}`)
    })
