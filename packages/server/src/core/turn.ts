/**
 * Work of one kind that comes up in one turn of the event loop, done together at its end: the next piece finds code and
 * data in the processor's caches that the last one brought there. See docs/decisions/0013-turns.md.
 */

/** Answers how to hand over a piece of work. One alone waits for a turn of the loop, some microseconds. */
export const createTurn = <Piece>(work: (piece: Piece) => void): ((piece: Piece) => void) =>
  gatherTurn(pieces => {
    for (const piece of pieces) work(piece)
  })

/** The same for work that is done for all pieces of a turn at once. */
export function gatherTurn<Piece>(work: (pieces: readonly Piece[]) => void): (piece: Piece) => void {
  let waiting: Piece[] = []

  function run(): void {
    const pieces = waiting
    waiting = []
    work(pieces)
  }

  return piece => {
    if (waiting.push(piece) === 1) setImmediate(run)
  }
}
