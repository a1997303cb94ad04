/**
 * Determines how much time has certainly passed, on a store that only this machine writes. A clock that is ahead must
 * not cause deletion of valid rows, and there is no other clock to compare. Time counts as passed while both clocks of
 * the machine advance alike, or if the store recorded it. A jump ahead counts after the clocks have agreed for an hour.
 * See docs/decisions/0026-clock-skew.md.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Settings } from '../model/ports/stores.ts'
import type { Log, MachineTime, Time } from '../runtime/ports.ts'

const setting = 'time_passed'
/** Less than the grace period of clean-up, so that jumps of this total delete no valid rows. */
const plausible: Seconds = 600
/** How long both clocks must advance alike before a jump counts. */
const confirmation: Seconds = 3600
/** After a longer stop, the confirmation of an earlier jump does not count. */
const longStop: Seconds = 86_400
/** A difference between the clocks that is larger than any correction of a running clock. */
const jump: Seconds = 2
/** Milliseconds. */
const keepInterval = 300_000

/** Seconds, with fractions. */
type Watch = {
  /** The newest time that has certainly passed. */
  passed: number
  /** How long both clocks have advanced alike since the jump. */
  confirmed: number
  wall: number
  monotonic: number
}

export type PassedTimePorts = {
  /** Stores the newest time that was seen. Omitted if the store does not outlive the process. */
  readonly settings?: Pick<Settings, 'get' | 'put'>
  readonly machine: MachineTime
  readonly log: Log
}

export async function watchPassedTime({ settings, machine, log }: PassedTimePorts): Promise<Time> {
  const wallTime = (): number => machine.wall() / 1000
  const monotonicTime = (): number => machine.monotonic() / 1000
  const kept = settings && readKept(await settings.get(setting))
  const watch: Watch = {
    // A store without a record may be older than this clock shows.
    passed: kept?.passed ?? (settings ? 0 : wallTime()),
    confirmed: kept && wallTime() - kept.wall <= longStop ? kept.confirmed : 0,
    wall: wallTime(),
    monotonic: monotonicTime(),
  }
  // A store without a record also waits for an hour, which needs no warning.
  let begun = kept !== undefined || !settings
  let waiting = !begun

  /** Reads both clocks, and returns the time that has certainly passed. */
  function passed(): number {
    const [wall, monotonic] = [wallTime(), monotonicTime()]
    const elapsed = Math.max(0, monotonic - watch.monotonic)
    const leapt = Math.abs(wall - watch.wall - elapsed) > jump
    watch.passed += elapsed
    watch.confirmed = leapt ? 0 : watch.confirmed + elapsed
    Object.assign(watch, { wall, monotonic })
    // Small jumps count no earlier: many of them would add up to a large one.
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
    // Treated as missing.
  }
  return undefined
}
