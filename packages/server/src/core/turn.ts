/**
 * Work of one kind that comes up in one turn of the event loop, done together at its end: the next piece finds code and
 * data in the processor's caches that the last one brought there. See docs/decisions/0013-turns.md.
 */

/**
 * Milliseconds; the rest goes on in the next turn. Node accepts one connection in each turn of the loop, so that long turns
 * would keep new clients, and whoever asks for `/healthz`, waiting.
 */
const longestTurn = 8

/** Answers how to hand over a piece of work. One alone waits for a turn of the loop, some microseconds. */
export function createTurn<Piece>(work: (piece: Piece) => void): (piece: Piece) => void {
  let waiting: Piece[] = []
  let scheduled = false

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(run)
  }

  function run(): void {
    scheduled = false
    const pieces = waiting
    waiting = []
    const end = performance.now() + longestTurn
    let done = 0
    for (const piece of pieces) {
      work(piece)
      done += 1
      if (done < pieces.length && performance.now() > end) {
        waiting = [...pieces.slice(done), ...waiting]
        schedule()
        return
      }
    }
  }

  return piece => {
    waiting.push(piece)
    schedule()
  }
}
