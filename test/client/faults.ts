/** Network faults for tests of the client library. */

import type { Fetch } from '@tessera/client'

/**
 * The moment at which an exchange fails: before the server gets the request, within its response, or after the server
 * has responded, when nothing of it arrives.
 */
export type FaultMoment = 'before' | 'within' | 'after'

export const faultMoments: readonly FaultMoment[] = ['before', 'within', 'after']

export type FaultyFetch = {
  readonly fetch: Fetch
  /** Makes the next requests to the path fail, each at one moment. */
  readonly fail: (path: string, ...moments: readonly FaultMoment[]) => void
}

/** Passes requests on, with faults where a test asked for them. */
export function withFaults(passed: Fetch): FaultyFetch {
  const faults: { path: string; moment: FaultMoment }[] = []

  const fetch: Fetch = async (url, init) => {
    const at = faults.findIndex(({ path }) => new URL(url).pathname === path)
    const [fault] = at < 0 ? [] : faults.splice(at, 1)
    if (fault?.moment === 'before') throw new TypeError('fetch failed')
    const response = await passed(url, init)
    if (fault?.moment === 'after') throw new TypeError('fetch failed')
    return fault ? cutOff(response) : response
  }
  return { fetch, fail: (path, ...moments) => faults.push(...moments.map(moment => ({ path, moment }))) }
}

/** Returns the response with half of its body, then an error. */
async function cutOff(response: Response): Promise<Response> {
  const bytes = new Uint8Array(await response.arrayBuffer())
  let sent = false
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (sent) return controller.error(new TypeError('terminated'))
      sent = true
      controller.enqueue(bytes.slice(0, bytes.length / 2))
    },
  })
  return new Response(body, { status: response.status, headers: response.headers })
}
