/** Counting rows before one is added, without counting them each time. */

/** A store that is nearly full is counted with each row, so that small limits are exact. */
const share = 16

export type Allowance = {
  /** Whether a row may be added under these limits without counting. Uses it up. */
  readonly use: (limits: string) => boolean
  /** Allows a part of the room that was counted: as many processes as there are parts never exceed it together. */
  readonly grant: (limits: string, room: number) => void
}

/** @returns an allowance that is empty, and that is empty again when other limits are asked for. */
export function createAllowance(): Allowance {
  let left = 0
  let of = ''
  return {
    use(limits) {
      if (limits !== of || left === 0) return false
      left--
      return true
    },
    grant(limits, room) {
      of = limits
      left = Math.max(0, Math.floor(room / share))
    },
  }
}
