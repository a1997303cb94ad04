/** What is asked of the database in one turn of the event loop, or while it is busy with the like, asked by one statement: see docs/decisions/0015-batched-postgresql-statements.md. */

import type { Row } from './codecs.ts'
import { isolatable } from './failure.ts'
import type { Run } from './statements.ts'

/** More are asked by several statements, so that none takes long. */
const mostTogether = 64

/**
 * Statements of one kind that are under way at once. What comes up meanwhile gathers, and the next one answers more. Not
 * one alone: while it waits for a row that is locked, nobody else would get on.
 */
const mostAtOnce = 2

type Piece<Asked, Answer> = {
  readonly asked: Asked
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * @param ask answers in the order in which it was asked.
 * @param sorting says, for each turn anew, which may be asked together: those of one name.
 */
export function batched<Asked, Answer>(
  ask: (asked: readonly Asked[]) => Promise<readonly Answer[]>,
  sorting: () => (asked: Asked) => string = () => () => '',
): (asked: Asked) => Promise<Answer> {
  const waiting: Piece<Asked, Answer>[] = []
  let underWay = 0
  let scheduled = false

  function schedule(): void {
    if (scheduled || waiting.length === 0 || underWay >= mostAtOnce) return
    scheduled = true
    setImmediate(begin)
  }

  function begin(): void {
    scheduled = false
    // No more than could go now if they were alike: whoever waits is not looked at again with each statement.
    const pieces = waiting.splice(0, mostTogether * mostAtOnce)
    const left: Piece<Asked, Answer>[] = []
    const nameOf = sorting()
    for (const alike of Map.groupBy(pieces, ({ asked }) => nameOf(asked)).values())
      for (let from = 0; from < alike.length; from += mostTogether) {
        const together = alike.slice(from, from + mostTogether)
        if (underWay < mostAtOnce) answer(together)
        else left.push(...together)
      }
    waiting.unshift(...left)
  }

  async function answer(pieces: readonly Piece<Asked, Answer>[]): Promise<void> {
    underWay += 1
    try {
      const answers = await ask(pieces.map(({ asked }) => asked))
      for (const [index, { resolve }] of pieces.entries()) resolve(answers[index] as Answer)
    } catch (error) {
      // No neighbour suffers for what one asked: then nothing was written, and each is asked by itself.
      if (pieces.length > 1 && isolatable(error)) for (const piece of pieces) answer([piece])
      else for (const { reject } of pieces) reject(error)
    } finally {
      underWay -= 1
      schedule()
    }
  }

  return asked =>
    new Promise((resolve, reject) => {
      waiting.push({ asked, resolve, reject })
      schedule()
    })
}

/** A query for the row of a key: `sql` finds those whose key is `= any ($1)`, and each begins with it. */
export const byKey = (run: Run, sql: string): ((key: string) => Promise<Row | undefined>) =>
  batched(async keys => {
    const found = new Map((await run(sql, [keys])).rows.map(row => [row[0], row]))
    return keys.map(key => found.get(key))
  })
