/**
 * Work of one kind that comes up in one turn of the event loop, done together at its end: the next piece finds code and
 * data in the processor's caches that the last one brought there. See docs/decisions/0013-batch-per-tick.md.
 */

/** Milliseconds; the rest goes on in the next turn, so that a new client, or a probe of `/healthz`, does not wait for it. */
const longestTurn = 8

/**
 * Milliseconds. libuv accepts one connection in each iteration of the loop. A turn therefore waits until an iteration has
 * accepted none: otherwise new connections would queue in the kernel behind work, the oldest first, until their clients
 * gave up. Work keeps a third of the time however many connections arrive.
 */
const longestAccepting = 16

let accepted = 0

/** Records that the process accepted a connection: turns wait for the ones queued behind it. */
export const connectionAccepted = (): void => {
  accepted += 1
}

/** Returns a function that hands over a piece of work. A piece on its own waits some microseconds for its turn. */
export function createTurn<Piece>(work: (piece: Piece) => void): (piece: Piece) => void {
  let waiting: Piece[] = []
  let scheduled = false
  let seen = accepted
  let acceptingSince: number | undefined

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(run)
  }

  /** Costs one comparison where no connection arrived. */
  const isAccepting = (): boolean => {
    if (accepted === seen) {
      acceptingSince = undefined
      return false
    }
    seen = accepted
    const now = performance.now()
    acceptingSince ??= now
    if (now - acceptingSince < longestAccepting) return true
    acceptingSince = undefined
    return false
  }

  function run(): void {
    scheduled = false
    if (isAccepting()) {
      schedule()
      return
    }
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
