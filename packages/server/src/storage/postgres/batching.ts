/** Combines requests of one event-loop tick into one statement: see docs/decisions/0015-batched-postgresql-statements.md. */

import type { Row } from './codecs.ts'
import { isolatable } from './failure.ts'
import type { Run } from './statements.ts'

/** The maximum number of requests in one statement, so that no statement takes long. */
const mostTogether = 64

/**
 * The maximum number of concurrent statements of one kind. Requests that arrive in the meantime wait and share the next
 * statement. With only one, all requests would wait whenever it waits for a locked row.
 */
const mostAtOnce = 2

type Piece<Asked, Answer> = {
  readonly asked: Asked
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * @param ask returns one result for each request, in the same order. @param sorting returns, for each tick, a function
 * that returns the group of a request. Only requests of the same group share a statement.
 */
export function batched<Asked, Answer>(
  ask: (asked: readonly Asked[]) => Promise<readonly Answer[]>,
  sorting: () => (asked: Asked) => string = () => () => '',
): (asked: Asked) => Promise<Answer> {
  const waiting: Piece<Asked, Answer>[] = []
  let inFlight = 0
  let scheduled = false

  function schedule(): void {
    if (scheduled || waiting.length === 0 || inFlight >= mostAtOnce) return
    scheduled = true
    setImmediate(begin)
  }

  function begin(): void {
    scheduled = false
    // Takes no more requests than would fit if all were in one group, so that waiting requests are not sorted again for
    // each statement.
    const pieces = waiting.splice(0, mostTogether * mostAtOnce)
    const left: Piece<Asked, Answer>[] = []
    const nameOf = sorting()
    for (const alike of Map.groupBy(pieces, ({ asked }) => nameOf(asked)).values())
      for (let from = 0; from < alike.length; from += mostTogether) {
        const together = alike.slice(from, from + mostTogether)
        if (inFlight < mostAtOnce) answer(together)
        else left.push(...together)
      }
    waiting.unshift(...left)
  }

  async function answer(pieces: readonly Piece<Asked, Answer>[]): Promise<void> {
    inFlight += 1
    try {
      const answers = await ask(pieces.map(({ asked }) => asked))
      for (const [index, { resolve }] of pieces.entries()) resolve(answers[index] as Answer)
    } catch (error) {
      // Nothing was written, so each request is retried alone and only the one that caused the error fails.
      if (pieces.length > 1 && isolatable(error)) for (const piece of pieces) answer([piece])
      else for (const { reject } of pieces) reject(error)
    } finally {
      inFlight -= 1
      schedule()
    }
  }

  return asked =>
    new Promise((resolve, reject) => {
      waiting.push({ asked, resolve, reject })
      schedule()
    })
}

/** Returns a query for the row of one key. `sql` selects rows whose key is `= any ($1)`, with the key as first column. */
export const byKey = (run: Run, sql: string): ((key: string) => Promise<Row | undefined>) =>
  batched(async keys => {
    const found = new Map((await run(sql, [keys])).rows.map(row => [row[0], row]))
    return keys.map(key => found.get(key))
  })
