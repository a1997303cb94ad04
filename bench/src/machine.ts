/** The machine of the measurement, without anything that identifies it. */

import { availableParallelism, cpus, totalmem } from 'node:os'
import type { Machine } from './results/results.ts'
import { canPin } from './servers/cores.ts'

export const machineHere = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memory: totalmem(),
  node: process.versions.node,
  pinned: canPin,
})
