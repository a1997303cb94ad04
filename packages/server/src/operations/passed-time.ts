/**
 * How much time has certainly passed, on a store that only this machine writes. A clock that is ahead must not have
 * living rows deleted, and nobody else's clock is there to ask. So time counts as passed while this process watches both
 * of the machine's clocks go on alike, or if the store saw it; a leap ahead counts after an hour of that.
 * See docs/decisions/0026-clock-skew.md.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Settings } from '../model/ports/stores.ts'
import type { Log, MachineTime, Time } from '../runtime/ports.ts'

const setting = 'time_passed'
/** Less than what clean-up waits after the end of a row: leaps that together are this long delete nothing that lives. */
const plausible: Seconds = 600
/** How long both clocks must go on alike before a leap counts. */
const confirmation: Seconds = 3600
/** A leap between two starts beyond which what was confirmed of an earlier one does not count. */
const longStop: Seconds = 86_400
/** A difference between both clocks that no correction of a running clock makes. */
const jump: Seconds = 2
/** Milliseconds. */
const keepInterval = 300_000

/** Seconds, with fractions. */
type Watch = {
  /** The newest time that has certainly passed. */
  passed: number
  /** How long both clocks have gone on alike since the leap. */
  confirmed: number
  wall: number
  monotonic: number
}

export type PassedTimePorts = {
  /** Where the newest time that was seen is kept; nowhere for a store that does not outlive the process. */
  readonly settings?: Pick<Settings, 'get' | 'put'>
  readonly machine: MachineTime
  readonly log: Log
}

export async function watchPassedTime({ settings, machine, log }: PassedTimePorts): Promise<Time> {
  const wallTime = (): number => machine.wall() / 1000
  const monotonicTime = (): number => machine.monotonic() / 1000
  const kept = settings && readKept(await settings.get(setting))
  const watch: Watch = {
    // A store that never kept it may be older than this clock believes.
    passed: kept?.passed ?? (settings ? 0 : wallTime()),
    confirmed: kept && wallTime() - kept.wall <= longStop ? kept.confirmed : 0,
    wall: wallTime(),
    monotonic: monotonicTime(),
  }
  // A store that never kept the time waits for an hour too, and that is no reason for a warning.
  let begun = kept !== undefined || !settings
  let waiting = !begun

  /** Follows both clocks, and answers the time that has certainly passed. */
  function passed(): number {
    const [wall, monotonic] = [wallTime(), monotonicTime()]
    const elapsed = Math.max(0, monotonic - watch.monotonic)
    const leapt = Math.abs(wall - watch.wall - elapsed) > jump
    watch.passed += elapsed
    watch.confirmed = leapt ? 0 : watch.confirmed + elapsed
    Object.assign(watch, { wall, monotonic })
    // Nor is a small leap believed before: many of them would add up to a large one.
    if (watch.confirmed >= confirmation) {
      watch.passed = wall
      watch.confirmed = 0
    }
    report(wall - watch.passed)
    return Math.min(wall, watch.passed + plausible)
  }

  function report(ahead: number): void {
    const waits = Math.abs(ahead) > plausible
    if (waits === waiting) return
    waiting = waits
    if (!begun) begun = true
    else if (!waits) log.info('clock_confirmed')
    else
      log.warn('clock_leapt', {
        ahead_seconds: Math.round(ahead),
        confirmed_in_seconds: Math.ceil(confirmation - watch.confirmed),
        advice: 'nothing is deleted meanwhile; check the clock of this machine',
      })
  }

  const keep = (): void => {
    passed()
    settings
      ?.put(setting, JSON.stringify({ passed: watch.passed, confirmed: watch.confirmed, wall: watch.wall }))
      .catch(error => log.debug('time_not_kept', { error: String(error) }))
  }
  const timer = settings && setInterval(keep, keepInterval).unref()
  passed()
  return {
    clock: { now: () => Math.floor(machine.wall() / 1000), passed: () => Math.floor(passed()) },
    fault: () => undefined,
    stop: () => clearInterval(timer),
  }
}

type Kept = Pick<Watch, 'passed' | 'confirmed' | 'wall'>

function readKept(text: string | undefined): Kept | undefined {
  if (text === undefined) return undefined
  try {
    const { passed, confirmed, wall } = JSON.parse(text) as Partial<Kept>
    if ([passed, confirmed, wall].every(Number.isFinite)) return { passed, confirmed, wall } as Kept
  } catch {
    // As if there were none: then it counts after an hour.
  }
  return undefined
}
