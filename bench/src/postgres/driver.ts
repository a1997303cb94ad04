/** Starts the driver alone. */

import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Measured } from '../measure.ts'
import type { Plan } from '../options.ts'
import { ended, startNode, unlessEnded } from '../servers/process.ts'
import type { DriverWork } from './driver-script.ts'

const script = fileURLToPath(new URL('./driver-script.ts', import.meta.url))

export async function measureDriver(
  url: string,
  work: DriverWork,
  { seconds, connections }: Plan,
): Promise<Measured> {
  const child = startNode([script, url, work, String(seconds), String(connections)], {
    cores: 'server',
    stdio: 'channel',
  })
  const [measured] = await unlessEnded(child, once(child, 'message'))
  await ended(child)
  return measured
}
