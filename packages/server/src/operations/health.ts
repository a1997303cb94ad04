/** `/healthz`: whether the process runs. `/readyz`: whether it can serve requests. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Awaitable } from '../runtime/ports.ts'

const answer = (status: number, state: string, more?: object) => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  body: JSON.stringify({ status: state, ...more }),
})

export const createHealthEndpoint = (): Endpoint => () => answer(200, 'alive')

type ReadinessPorts = {
  readonly ready: () => Awaitable<boolean>
  readonly draining: () => boolean
  /**
   * Returns why this process must not serve although the store works, for example because of its clock. Called after
   * `ready`.
   */
  readonly fault: () => object | undefined
}

/**
 * Responds 503 while the store can't read and write, while the server drains, and while this process must not serve.
 */
export const createReadinessEndpoint =
  ({ ready, draining, fault }: ReadinessPorts): Endpoint =>
  async () => {
    if (draining()) return answer(503, 'draining')
    const works = await isReady(ready)
    const reason = fault()
    return works && !reason ? answer(200, 'ready') : answer(503, 'not_ready', reason)
  }

async function isReady(ready: () => Awaitable<boolean>): Promise<boolean> {
  try {
    return await ready()
  } catch {
    return false
  }
}
