/** Starts the measurement of the limits: on the server's core, with the other as busy as under load. */

import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ended, startNode, temporaryDirectory, unlessEnded } from '../servers/process.ts'
import type { Limit } from './script.ts'

const script = fileURLToPath(new URL('./script.ts', import.meta.url))

export async function measureLimits(seconds: number): Promise<readonly Limit[]> {
  const child = startNode([script, temporaryDirectory('limits'), String(seconds)], {
    cores: 'server',
    stdio: 'channel',
  })
  let busy = true
  const turn = (): void => {
    if (busy) setImmediate(turn)
  }
  turn()
  const [limits] = await unlessEnded(child, once(child, 'message'))
  busy = false
  await ended(child)
  return limits
}
