/** Faults that a test server injects into HTTP responses: late, lost, refused or broken ones. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { pageRoutes, protocolRoutes } from '../model/routes.ts'

const routes = { ...protocolRoutes, ...pageRoutes }

/** An endpoint or a page, by the name of its route: `token`, `jwks`, `authorize`, `login`, for example. */
export type EndpointName = keyof typeof routes

/** Returns the endpoint at a path below the issuer; undefined if there is none. */
export const endpointAt = (path: string): EndpointName | undefined =>
  (Object.keys(routes) as EndpointName[]).find(name => {
    const own: string = routes[name].path
    return own.endsWith('/*') ? path.startsWith(own.slice(0, -1)) : own === path
  })

/** An endpoint, a path below the issuer that begins with a slash, or `*` for all requests. */
export type FaultTarget = EndpointName | `/${string}` | '*'

export type FaultOptions = {
  /** The number of requests. Default: 1; `Infinity`: until `clear`. */
  readonly times?: number
}

/**
 * How a request fails: with a status, with a whole response, with a connection that is reset, or with a body that is
 * not JSON. The request has no effect.
 */
export type Failure =
  | number
  | 'reset'
  | 'invalid_json'
  | {
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | object
    }

/** The kinds of fault can be combined: a request can be both delayed and lost. */
export type Faults = {
  /** Handles the next request, then closes the connection instead of responding: the client can't know whether it succeeded. */
  readonly loseResponse: (target: FaultTarget, options?: FaultOptions) => void
  /** Waits this many milliseconds before the next request is handled. */
  readonly delay: (target: FaultTarget, milliseconds: number, options?: FaultOptions) => void
  /** Fails the next request. */
  readonly fail: (target: FaultTarget, failure: Failure, options?: FaultOptions) => void
  /** Removes all faults. */
  readonly clear: () => void
}

/** The faults of one request, joined. */
export type Disturbance = {
  readonly delayMs: number
  readonly outcome: 'respond' | 'lose' | 'reset' | HttpResponse
}

type Fault = { readonly target: FaultTarget; left: number; readonly does: Partial<Disturbance> }

/** @param base the path of the issuer, without a slash at its end. */
export function createFaults(base: () => string): Faults & {
  /** Consumes the faults for this request. */
  readonly take: (request: Pick<HttpRequest, 'path'>) => Disturbance
} {
  const faults: Fault[] = []

  const add = (target: FaultTarget, does: Fault['does'], { times = 1 }: FaultOptions = {}): void => {
    if (target !== '*' && !target.startsWith('/') && !Object.hasOwn(routes, target))
      throw new TypeError(
        `faults: "${target}" is neither a path nor one of ${Object.keys(routes).join(', ')}, *`,
      )
    if (!(times >= 1)) throw new RangeError(`faults: times is ${times}, and must be at least 1`)
    faults.push({ target, left: times, does })
  }
  const matches = ({ target }: Fault, path: string): boolean => {
    if (target === '*') return true
    const below = path.startsWith(base()) ? path.slice(base().length) : path
    return target === below || target === endpointAt(below)
  }

  return {
    loseResponse: (target, options) => add(target, { outcome: 'lose' }, options),
    delay(target, milliseconds, options) {
      if (!(milliseconds >= 0))
        throw new RangeError(`faults.delay: ${milliseconds} is not a duration in milliseconds`)
      add(target, { delayMs: milliseconds }, options)
    },
    fail: (target, failure, options) => add(target, { outcome: outcomeOf(failure) }, options),
    clear: () => void faults.splice(0),
    take({ path }) {
      const matching = faults.filter(fault => matches(fault, path))
      const delay = matching.find(({ does }) => does.delayMs !== undefined)
      const outcome = matching.find(({ does }) => does.outcome !== undefined)
      for (const fault of [delay, outcome]) if (fault) fault.left -= 1
      for (const fault of matching) if (fault.left < 1) faults.splice(faults.indexOf(fault), 1)
      return { delayMs: delay?.does.delayMs ?? 0, outcome: outcome?.does.outcome ?? 'respond' }
    },
  }
}

const json = { 'content-type': 'application/json', 'cache-control': 'no-store' } as const

function outcomeOf(failure: Failure): Disturbance['outcome'] {
  if (failure === 'reset') return 'reset'
  if (failure === 'invalid_json') return { status: 200, headers: json, body: '{"access_token": ' }
  if (typeof failure === 'number') return outcomeOf({ status: failure, body: { error: errorOf(failure) } })
  const { status, headers = {}, body = '' } = failure
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new RangeError(`faults.fail: ${status} is not the status of a response`)
  const later: Readonly<Record<string, string>> = isTemporary(status) ? { 'retry-after': '1' } : {}
  return typeof body === 'string'
    ? { status, headers: { ...later, ...headers }, body }
    : { status, headers: { ...json, ...later, ...headers }, body: JSON.stringify(body) }
}

const isTemporary = (status: number): boolean => status === 429 || status === 503

const errorOf = (status: number): string => {
  if (isTemporary(status)) return 'temporarily_unavailable'
  return status >= 500 ? 'server_error' : 'invalid_request'
}
