/** Whether the process lives (`/healthz`) and whether it can serve now (`/readyz`). */

import type { Endpoint } from '@tessera/protocol/http'
import type { Awaitable } from '../core/runtime.ts'

const answer = (status: number, state: string, more?: object) => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  body: JSON.stringify({ status: state, ...more }),
})

export const createHealthEndpoint = (): Endpoint => () => answer(200, 'alive')

export type ReadinessPorts = {
  readonly ready: () => Awaitable<boolean>
  readonly draining: () => boolean
  /** Why the machine's clock can't be relied on; undefined: it can. */
  readonly clockFault: () => object | undefined
}

/** 503 while the store can't read and write (or can't say), while the server drains, and while its clock is wrong. */
export const createReadinessEndpoint =
  ({ ready, draining, clockFault }: ReadinessPorts): Endpoint =>
  async () => {
    if (draining()) return answer(503, 'draining')
    const fault = clockFault()
    if (fault) return answer(503, 'not_ready', fault)
    return (await isReady(ready)) ? answer(200, 'ready') : answer(503, 'not_ready')
  }

async function isReady(ready: () => Awaitable<boolean>): Promise<boolean> {
  try {
    return await ready()
  } catch {
    return false
  }
}
