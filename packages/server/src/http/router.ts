/** Finds the endpoint for a request. All edges share it. It depends on OAuth only for the format of errors. */

import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'
import { prefersHtml } from './accept.ts'
import { allowOrigin, type CorsHeaders, type CorsPorts, corsOfRefusal, preflight } from './cors.ts'
import { createLoad, type Load } from './load.ts'
import { notFound, plainError, unavailable } from './plain-error.ts'
import { requestIdHeader } from './request-id.ts'

export type RouterPorts = CorsPorts & {
  readonly routes: readonly Route[]
  /** Headers of all responses, unless the endpoint sets its own. */
  readonly headers: Readonly<Record<string, string>>
  /** Called with the error that an endpoint threw. The client gets only the request's id. */
  readonly onError: (request: HttpRequest, error: unknown) => void
  /** The load shared with other routers. If it is full, requests get 503 with `Retry-After`. */
  readonly load?: Load
  /** Shows an error to a browser, as a page with the same status. Default: JSON. */
  readonly showError?: ShowError
  /** Called for each response with the path of its route, if there is one, and how long it took. */
  readonly observe?: (
    path: string | undefined,
    status: number,
    milliseconds: number,
    request: HttpRequest,
  ) => void
}

export type ShowError = (request: HttpRequest, error: HttpResponse) => Promise<HttpResponse>

/** Does not reject. Returns a response instead of a promise if the endpoint does. */
export type Router = {
  (request: HttpRequest): HttpResponse | Promise<HttpResponse>
  /** Returns a refusal that does not depend on the body (404, 405, 503), so that an edge need not read it; undefined otherwise. */
  readonly early?: (head: HttpRequest) => HttpResponse | undefined
  /** Returns an error of the edge in the format for this client: a page for a browser, otherwise unchanged. */
  readonly present?: (request: HttpRequest, error: HttpResponse) => HttpResponse | Promise<HttpResponse>
  /** Returns whether a path is served. An edge may pass other paths to its application. */
  readonly serves?: (head: HttpRequest) => boolean
}

/**
 * Returns a router. Besides calling endpoints it responds with 404, with 405 and `Allow` (RFC 9110 §15.5.6), to HEAD by GET
 * (without calling an endpoint whose GET acts), to CORS preflights, with 503 under overload, and with 500 or 503 (for an
 * error named `StoreUnavailable`, `HookUnavailable` or `ClientUnavailable`) if an endpoint throws.
 */
export function createRouter({
  routes,
  headers,
  onError,
  load = createLoad(),
  observe,
  showError,
  ...ports
}: RouterPorts): Router {
  const routeOf = createRouteTable(routes)
  const serves = ({ path }: HttpRequest): boolean => routeOf(path) !== undefined
  return observe ? observed(observe) : Object.assign(handle, { early, present, serves })

  function observed(report: NonNullable<typeof observe>): Router {
    const reported = (request: HttpRequest, response: HttpResponse, start: number): HttpResponse => {
      report(routeOf(request.path)?.path, response.status, performance.now() - start, request)
      return response
    }
    const handleAndReport = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
      const start = performance.now()
      const response = handle(request)
      return response instanceof Promise
        ? response.then(value => reported(request, value, start))
        : reported(request, response, start)
    }
    return Object.assign(handleAndReport, {
      early(head: HttpRequest) {
        const refusal = early(head)
        return refusal && reported(head, refusal, performance.now())
      },
      present,
      serves,
    })
  }

  function handle(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    const route = routeOf(request.path)
    const refusal = route ? refusalOf(request, route) : notFound
    if (!route || refusal) return refuse(request, route, refusal ?? notFound)
    const cors = allowOrigin(request, route, ports)
    if (!(cors instanceof Promise)) return dispatch(request, route, cors)
    load.enter()
    return cors.then(known => {
      load.leave()
      return dispatch(request, route, known)
    })
  }

  function early(head: HttpRequest): HttpResponse | undefined {
    const route = routeOf(head.path)
    const refusal = route ? refusalOf(head, route) : notFound
    // The body can be read while the page is rendered.
    if (!refusal || isShown(head, route, refusal)) return undefined
    return complete(head, route && corsOfRefusal(route), refusal)
  }

  function present(request: HttpRequest, error: HttpResponse): HttpResponse | Promise<HttpResponse> {
    return refuse(request, routeOf(request.path), error)
  }

  function refuse(
    request: HttpRequest,
    route: Route | undefined,
    error: HttpResponse,
  ): HttpResponse | Promise<HttpResponse> {
    return showOrSend(request, route, route && corsOfRefusal(route), error)
  }

  function showOrSend(
    request: HttpRequest,
    route: Route | undefined,
    cors: CorsHeaders,
    error: HttpResponse,
  ): HttpResponse | Promise<HttpResponse> {
    if (!showError || !isShown(request, route, error)) return complete(request, cors, error)
    const shown = showError(request, error).catch(problem => {
      onError(request, problem)
      return error
    })
    return shown.then(response => complete(request, cors, response))
  }

  /**
   * Returns whether an error becomes a page. Endpoints for programs don't show pages, and during overload neither does
   * an unknown path.
   */
  function isShown(request: HttpRequest, route: Route | undefined, { status }: HttpResponse): boolean {
    return (
      showError !== undefined &&
      status >= 400 &&
      prefersHtml(request) &&
      (route ? route.page === true : !load.isFull())
    )
  }

  /** Does not query a store, not even to look up the origin, so that a refusal costs next to nothing. */
  function refusalOf(request: HttpRequest, route: Route): HttpResponse | undefined {
    const isPreflight = request.method === 'OPTIONS' && route.cors !== undefined
    if (!isPreflight && !isOneOf(route.methods, methodOf(request))) return methodNotAllowed(route)
    const withoutEffect = route.acts && responseWithoutEffect(request)
    if (withoutEffect) return withoutEffect
    return !route.essential && load.isFull() ? unavailable : undefined
  }

  function dispatch(
    request: HttpRequest,
    route: Route,
    cors: CorsHeaders,
  ): HttpResponse | Promise<HttpResponse> {
    if (request.method === 'OPTIONS' && route.cors)
      return complete(request, cors, preflight(request, route, cors))
    const method = methodOf(request)
    const asked = method === request.method ? request : { ...request, method, isHead: true as const }
    return answer(
      route,
      asked,
      response => complete(request, cors, response),
      error => showOrSend(request, route, cors, failed(request, error)),
    )
  }

  function answer(
    { endpoint }: Route,
    request: HttpRequest,
    finish: (response: HttpResponse) => HttpResponse,
    fail: (error: unknown) => HttpResponse | Promise<HttpResponse>,
  ): HttpResponse | Promise<HttpResponse> {
    let response: HttpResponse | Promise<HttpResponse>
    try {
      response = endpoint(request)
    } catch (error) {
      return fail(error)
    }
    if (!(response instanceof Promise)) return finish(response)
    load.enter()
    return response.then(
      value => {
        load.leave()
        return finish(value)
      },
      error => {
        load.leave()
        return fail(error)
      },
    )
  }

  function complete(request: HttpRequest, added: CorsHeaders, response: HttpResponse): HttpResponse {
    const { status, body, bytes } = response
    const merged: Record<string, string | readonly string[]> = { ...headers, ...added, ...response.headers }
    merged['cache-control'] ??= 'no-store'
    merged[requestIdHeader] = request.id
    if (added?.vary && response.headers.vary) merged.vary = `${response.headers.vary}, ${added.vary}`
    if (request.method !== 'HEAD' || isBodyless(status))
      return { status, headers: merged, body, ...(bytes && { bytes }) }
    // RFC 9110 §9.3.2: the headers of the response to GET, including its length.
    return {
      status,
      headers: { ...merged, 'content-length': String(bytes?.length ?? Buffer.byteLength(body)) },
      body: '',
    }
  }

  function failed(request: HttpRequest, error: unknown): HttpResponse {
    onError(request, error)
    return unavailableErrors.has((error as Error | undefined)?.name ?? '')
      ? unavailable
      : plainError(500, 'server_error')
  }
}

const unavailableErrors: ReadonlySet<string> = new Set([
  'StoreUnavailable',
  'HookUnavailable',
  'ClientUnavailable',
])

/**
 * Returns a response to requests that must not have an effect (RFC 9110 §9.2.1): to HEAD, which link scanners send, and to a
 * prefetch, which a browser discards unless the status is a success (Fetch Standard, `Sec-Purpose`).
 */
function responseWithoutEffect({ method, headers }: HttpRequest): HttpResponse | undefined {
  if (method === 'HEAD') return { status: 200, headers: { 'cache-control': 'no-store' }, body: '' }
  const isPrefetch = [headers['sec-purpose'], headers.purpose, headers['x-purpose'], headers['x-moz']].some(
    isPrefetchHeader,
  )
  return method === 'GET' && isPrefetch ? unavailable : undefined
}

const isPrefetchHeader = (value = ''): boolean => /^\s*(prefetch|prerender|preview)\b/i.test(value)

/** RFC 9110 §8.6: these have no body, and therefore no length. */
export const isBodyless = (status: number): boolean => status === 204 || status === 304

/**
 * Finds a route by the whole path, by all except its last segment if the route's path ends in `/*`, or by its beginning if
 * the route's path ends in `/**`.
 */
function createRouteTable(routes: readonly Route[]): (path: string) => Route | undefined {
  const byPath = new Map(routes.map(route => [route.path, route]))
  if (byPath.size < routes.length) throw new Error('two routes have the same path')
  const below = routes.filter(({ path }) => path.endsWith('/**'))
  return path =>
    byPath.get(path) ??
    byPath.get(`${path.slice(0, path.lastIndexOf('/'))}/*`) ??
    below.find(route => path.startsWith(route.path.slice(0, -2)))
}

const methodNotAllowed = ({ methods, cors }: Route): HttpResponse =>
  plainError(405, 'invalid_request', {
    allow: [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), ...(cors ? ['OPTIONS'] : [])].join(
      ', ',
    ),
  })

const methodOf = ({ method }: HttpRequest): string => (method === 'HEAD' ? 'GET' : method)

const isOneOf = (methods: readonly string[], method: string): boolean => methods.includes(method)
