/** Whether the process lives (`/healthz`) and whether it can serve now (`/readyz`). */

import type { Endpoint } from '@tessera/protocol/http'
import type { Awaitable } from '../core/runtime.ts'

const answer = (status: number, state: string) => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  body: JSON.stringify({ status: state }),
})

export const createHealthEndpoint = (): Endpoint => () => answer(200, 'alive')

/** 503 while the store can't read and write (or can't say), and while the server drains. */
export const createReadinessEndpoint =
  ({ ready, draining }: { ready: () => Awaitable<boolean>; draining: () => boolean }): Endpoint =>
  async () => {
    if (draining()) return answer(503, 'draining')
    return (await isReady(ready)) ? answer(200, 'ready') : answer(503, 'not_ready')
  }

async function isReady(ready: () => Awaitable<boolean>): Promise<boolean> {
  try {
    return await ready()
  } catch {
    return false
  }
}
