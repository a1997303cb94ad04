/** Which core runs what: the server has its own, the load and everything else have the other. */

import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

export type Cores = 'server' | 'load' | 'both'

const lists: Readonly<Record<Cores, string>> = { server: '0', load: '1', both: '0,1' }

export const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

/** A command that runs on these cores from its first instruction. */
export const pinned = (cores: Cores, command: readonly string[]): readonly string[] =>
  canPin ? ['taskset', '-c', lists[cores], ...command] : command

/** Moves this process, with all its threads, to the core of the load. */
export function pinLoad(): void {
  if (canPin) spawnSync('taskset', ['-apc', lists.load, String(process.pid)])
}
