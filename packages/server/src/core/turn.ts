/**
 * Work of one kind that comes up in one turn of the event loop, done together at its end: the next piece finds code and
 * data in the processor's caches that the last one brought there. See docs/decisions/0013-turns.md.
 */

/** Answers how to hand over a piece of work. One alone waits for a turn of the loop, some microseconds. */
export function createTurn<Piece>(work: (piece: Piece) => void): (piece: Piece) => void {
  let waiting: Piece[] = []

  function run(): void {
    const pieces = waiting
    waiting = []
    for (const piece of pieces) work(piece)
  }

  return piece => {
    if (waiting.push(piece) === 1) setImmediate(run)
  }
}
