/** From a request to the endpoint that answers it: the same for every edge. Knows no OAuth but the shape of an error. */

import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'
import { prefersHtml } from './accept.ts'
import { allowOrigin, type CorsHeaders, type CorsPorts, corsOfRefusal, preflight } from './cors.ts'
import { createLoad, type Load } from './load.ts'
import { notFound, plainError, unavailable } from './plain-error.ts'
import { requestIdHeader } from './request-id.ts'

export type RouterPorts = CorsPorts & {
  readonly routes: readonly Route[]
  /** Headers of every answer, unless the endpoint has its own. */
  readonly headers: Readonly<Record<string, string>>
  /** What an endpoint threw; the client learns nothing of it but the request's id. */
  readonly onError: (request: HttpRequest, error: unknown) => void
  /** Shared with other routers; one of its own unless given. Beyond it requests are answered 503 with `Retry-After`. */
  readonly load?: Load
  /** Shows an error as a page with the same status, to a browser; JSON unless given. */
  readonly showError?: ShowError
  /** Told of each answer: of which route (undefined: none), and how long it took. */
  readonly observe?: (path: string | undefined, status: number, milliseconds: number) => void
}

export type ShowError = (request: HttpRequest, error: HttpResponse) => Promise<HttpResponse>

/** Never rejects. An endpoint that answers at once is answered for at once. */
export type Router = {
  (request: HttpRequest): HttpResponse | Promise<HttpResponse>
  /** Returns a refusal that does not depend on the body (404, 405, 503), so that an edge need not read it; undefined otherwise. */
  readonly early?: (head: HttpRequest) => HttpResponse | undefined
  /** Returns an error of the edge's own as this request is to be told of it: a page for a browser, else as it is. */
  readonly present?: (request: HttpRequest, error: HttpResponse) => HttpResponse | Promise<HttpResponse>
  /** Returns whether a path is served; an edge may leave another one to its application. */
  readonly serves?: (head: HttpRequest) => boolean
}

/**
 * Answers 404, 405 with `Allow` (RFC 9110 §15.5.6), HEAD by GET (without asking an endpoint whose GET acts), CORS preflights, 503 under too much load, and 500 or
 * 503 (an error named `StoreUnavailable`) for what an endpoint throws.
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

  function observed(tell: NonNullable<typeof observe>): Router {
    const told = (request: HttpRequest, response: HttpResponse, start: number): HttpResponse => {
      tell(routeOf(request.path)?.path, response.status, performance.now() - start)
      return response
    }
    const handleAndTell = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
      const start = performance.now()
      const response = handle(request)
      return response instanceof Promise
        ? response.then(value => told(request, value, start))
        : told(request, response, start)
    }
    return Object.assign(handleAndTell, {
      early(head: HttpRequest) {
        const refusal = early(head)
        return refusal && told(head, refusal, performance.now())
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
    // A page takes a moment, in which the body may as well be read.
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
    return told(request, route, route && corsOfRefusal(route), error)
  }

  function told(
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

  /** Endpoints are for programs, whatever those accept. Under too much load an unknown address is not worth a page. */
  function isShown(request: HttpRequest, route: Route | undefined, { status }: HttpResponse): boolean {
    return (
      showError !== undefined &&
      status >= 400 &&
      prefersHtml(request) &&
      (route ? route.page === true : !load.isFull())
    )
  }

  /** Asks no store, not even whether the origin is known: a refusal costs next to nothing. */
  function refusalOf(request: HttpRequest, route: Route): HttpResponse | undefined {
    const isPreflight = request.method === 'OPTIONS' && route.cors !== undefined
    if (!isPreflight && !isOneOf(route.methods, methodOf(request))) return methodNotAllowed(route)
    const unasked = route.acts && unaskedFor(request)
    if (unasked) return unasked
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
    const asked = method === request.method ? request : { ...request, method }
    return answer(
      route,
      asked,
      response => complete(request, cors, response),
      error => told(request, route, cors, failed(request, error)),
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
    // RFC 9110 §9.3.2: the headers of the GET answer, its length among them.
    return {
      status,
      headers: { ...merged, 'content-length': String(bytes?.length ?? Buffer.byteLength(body)) },
      body: '',
    }
  }

  function failed(request: HttpRequest, error: unknown): HttpResponse {
    onError(request, error)
    return (error as Error | undefined)?.name === 'StoreUnavailable'
      ? unavailable
      : plainError(500, 'server_error')
  }
}

/**
 * What looks at an address without asking for what it does (RFC 9110 §9.2.1): HEAD, as link scanners send it, and a browser
 * that loads a page ahead, which drops it unless the status is a success (Fetch Standard, `Sec-Purpose`).
 */
function unaskedFor({ method, headers }: HttpRequest): HttpResponse | undefined {
  if (method === 'HEAD') return { status: 200, headers: { 'cache-control': 'no-store' }, body: '' }
  const isPrefetch = [headers['sec-purpose'], headers.purpose, headers['x-purpose'], headers['x-moz']].some(
    isPrefetchHeader,
  )
  return method === 'GET' && isPrefetch ? unavailable : undefined
}

const isPrefetchHeader = (value = ''): boolean => /^\s*(prefetch|prerender|preview)\b/i.test(value)

/** RFC 9110 §8.6: these have no body, and so no length. */
export const isBodyless = (status: number): boolean => status === 204 || status === 304

/** By the whole path, else by all but its last segment where a route's path ends in `/*`. */
function createRouteTable(routes: readonly Route[]): (path: string) => Route | undefined {
  const byPath = new Map(routes.map(route => [route.path, route]))
  if (byPath.size < routes.length) throw new Error('two routes have the same path')
  return path => byPath.get(path) ?? byPath.get(`${path.slice(0, path.lastIndexOf('/'))}/*`)
}

const methodNotAllowed = ({ methods, cors }: Route): HttpResponse =>
  plainError(405, 'invalid_request', {
    allow: [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), ...(cors ? ['OPTIONS'] : [])].join(
      ', ',
    ),
  })

const methodOf = ({ method }: HttpRequest): string => (method === 'HEAD' ? 'GET' : method)

const isOneOf = (methods: readonly string[], method: string): boolean => methods.includes(method)
