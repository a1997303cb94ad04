/** The options of the command line, and the plan that results from them. */

import { parseArgs } from 'node:util'

export type Plan = {
  /** The number of runs of each measurement, with the servers interleaved. */
  readonly runs: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
  /** Whether each row has its own processes, as published results require. */
  readonly fresh: boolean
  /** See `stayAwake`; true by default. */
  readonly polls?: boolean
  readonly soakSeconds: number
  /** How often the table is measured, each time with new processes. 1 by default. */
  readonly times?: number
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    before: { type: 'string' },
    only: { type: 'string', default: '' },
    part: { type: 'string' },
    soak: { type: 'boolean', default: false },
    publish: { type: 'boolean', default: false },
    render: { type: 'boolean', default: false },
    plans: { type: 'boolean', default: false },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string' },
    times: { type: 'string' },
  },
})

export const options = values

const full: Plan = {
  runs: 3,
  seconds: 1.2,
  warmUpSeconds: 2,
  connections: 64,
  fresh: true,
  soakSeconds: 600,
}
const quick: Plan = {
  runs: 1,
  seconds: 0.4,
  warmUpSeconds: Number(values.seconds ?? 0.4) / 2,
  connections: 64,
  fresh: false,
  soakSeconds: 8,
}

const given = (['runs', 'seconds', 'connections', 'times'] as const).flatMap(name => {
  const value = values[name]
  return value === undefined ? [] : [[name, Number(value)] as const]
})

export const plan: Plan = { ...(values.quick ? quick : full), ...Object.fromEntries(given) }
