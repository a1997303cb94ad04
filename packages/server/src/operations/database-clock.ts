/**
 * The clock of a server on a shared database: the database's time, extrapolated by this machine's monotonic clock. All
 * nodes therefore agree, whatever their own clocks show. See docs/decisions/0026-clock-skew.md.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Log, MachineTime, Time } from '../runtime/ports.ts'

/** The largest tolerated difference from the database's clock. Beyond it, the node is not ready. */
const toleratedSkew: Seconds = 300
/** A larger difference is logged. */
const notableSkew: Seconds = 5

/** Milliseconds. */
const interval = 60_000
/** While the difference is not tolerated. */
const skewedInterval = 5000
/** The minimum time between two readings that are triggered by jumps of this machine's clock. */
const restAfterJump = 1000
/** A difference between the two clocks of this machine that is larger than any correction of a running clock. */
const jump = 2000

/**
 * A reading is off by at most half of its duration, so several are made and the quickest is used. A quick one ends the
 * series.
 */
const mostReadings = 5
const quickReading = 20

type Anchor = { readonly database: number; readonly wall: number; readonly monotonic: number }

type DatabaseClockPorts = {
  /** Reads the database's time, in milliseconds since 1970. */
  readonly read: () => Promise<number>
  readonly machine: MachineTime
  readonly log: Log
}

/** Reads the database's clock, and again each minute. Rejects if the first reading fails. */
export async function followDatabaseClock({ read, machine, log }: DatabaseClockPorts): Promise<Time> {
  let anchor = await measure()
  let state: SkewState = 'agrees'
  let measuring = false
  let measuredAt = machine.monotonic()
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  async function measure(): Promise<Anchor> {
    let best: (Anchor & { readonly took: number }) | undefined
    for (let reading = 0; reading < mostReadings; reading++) {
      const before = machine.monotonic()
      const database = await read()
      const monotonic = machine.monotonic()
      const took = monotonic - before
      if (!best || took < best.took)
        best = { database: database + took / 2, wall: machine.wall(), monotonic, took }
      if (took <= quickReading) break
    }
    return best as Anchor
  }

  /** Milliseconds since 1970, by the database's clock. */
  const databaseTime = (): number => {
    const monotonic = machine.monotonic()
    const passed = monotonic - anchor.monotonic
    // One of them jumped, or the machine slept, which only the wall clock shows.
    if (Math.abs(machine.wall() - anchor.wall - passed) > jump && monotonic - measuredAt > restAfterJump)
      compare()
    return anchor.database + passed
  }

  const skew = (): Seconds => Math.round((machine.wall() - databaseTime()) / 1000)

  function compare(): void {
    if (measuring || stopped) return
    measuring = true
    measuredAt = machine.monotonic()
    measure()
      .then(measured => {
        anchor = measured
        report()
      })
      // Requests and readiness report an outage themselves.
      .catch(error => log.debug('clock_not_compared', { error: String(error) }))
      .finally(() => {
        measuring = false
        schedule()
      })
  }

  function report(): void {
    const [now, before] = [stateOf(skew()), state]
    state = now
    if (now === before) return
    const fields = { skew_seconds: skew(), tolerated_seconds: toleratedSkew }
    if (now === 'agrees') log.info('clock_agrees', fields)
    else
      log.warn(now === 'differs' ? 'clock_differs' : 'clock_skewed', {
        ...fields,
        advice: 'synchronize the clocks of this machine and of the database (NTP)',
      })
  }

  function schedule(): void {
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(compare, state === 'skewed' ? skewedInterval : interval).unref()
  }

  report()
  schedule()
  return {
    clock: {
      now: () => Math.floor(databaseTime() / 1000),
      // A database clock that jumped ahead must not cause deletions either.
      passed: () => Math.floor(Math.min(databaseTime(), machine.wall()) / 1000),
    },
    fault() {
      const skew_seconds = skew()
      return stateOf(skew_seconds) === 'skewed'
        ? { reason: 'clock_skewed', skew_seconds, tolerated_seconds: toleratedSkew }
        : undefined
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

type SkewState = 'agrees' | 'differs' | 'skewed'

function stateOf(skew: Seconds): SkewState {
  if (Math.abs(skew) > toleratedSkew) return 'skewed'
  return Math.abs(skew) > notableSkew ? 'differs' : 'agrees'
}
