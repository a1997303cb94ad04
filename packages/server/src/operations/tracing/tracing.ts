/**
 * Traces of requests by the API of OpenTelemetry. The operator brings the SDK, with `--import`; without one, the API does
 * nothing. Loaded only if the configuration has `tracing`. Attributes contain no parameters, headers or users.
 */

import {
  type Attributes,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Stores } from '../../model/ports/stores.ts'
import type { Awaitable, Log, LogLine } from '../../runtime/ports.ts'

type Tracing = {
  /** Responds within a span of the request. Its parent is that of a trusted proxy, or the active span of an application. */
  readonly request: (
    request: HttpRequest,
    respond: (request: HttpRequest) => Awaitable<HttpResponse>,
  ) => Promise<HttpResponse>
  /** Names the span by the path of the route, which is known after routing. */
  readonly observeRequest: (path: string | undefined) => void
  /** Wraps the log: lines of a request are events of its span. */
  readonly listen: (log: Log) => Log
  /** Wraps the store: its operations during a request are spans. */
  readonly time: (stores: Stores) => Stores
  /** Wraps requests to other servers. The trace is not passed on to them. */
  readonly outbound: <Request extends unknown[], Answer extends OutboundResult>(
    send: (url: string | URL, ...request: Request) => Promise<Answer>,
  ) => (url: string | URL, ...request: Request) => Promise<Answer>
}

type Call = (...given: unknown[]) => unknown

type OutboundResult = { readonly ok: boolean; readonly status?: number; readonly reason?: string }

/** @param database the name of the database system in the semantic conventions of OpenTelemetry. */
export function createTracing({ database }: { readonly database: string }): Tracing {
  const tracer = trace.getTracer('@tessera/server')
  const methods = new WeakMap<Span, string>()

  /** Runs within a span, and ends it when the result is there. A thrown error is named, not described: its message may contain input. */
  function within<Value>(span: Span, work: () => Value, done: (value: Awaited<Value>) => void): Value {
    const fail = (error: unknown): never => {
      span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown')
      span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
      throw error
    }
    const finish = (value: Awaited<Value>): Awaited<Value> => {
      done(value)
      span.end()
      return value
    }
    let value: Value
    try {
      value = context.with(trace.setSpan(context.active(), span), work)
    } catch (error) {
      return fail(error)
    }
    return value instanceof Promise
      ? (value.then(finish, fail) as Value)
      : (finish(value as Awaited<Value>) as Value)
  }

  const traced =
    (operation: string, call: Call): Call =>
    (...given) => {
      // Background jobs have no trace.
      if (!trace.getActiveSpan()) return call(...given)
      const attributes = { 'db.system.name': database, 'db.operation.name': operation }
      const span = tracer.startSpan(operation, { kind: SpanKind.CLIENT, attributes })
      return within(
        span,
        () => call(...given),
        () => {},
      )
    }

  const tracedMembers = <Port extends object>(port: Port, noun = ''): Port =>
    Object.fromEntries(
      Object.entries(port).map(([name, member]) => [
        name,
        typeof member === 'function' ? traced(noun === '' ? name : `${noun}.${name}`, member) : member,
      ]),
    ) as Port

  return {
    async request(request, respond) {
      const active = context.active()
      const { trace: carrier } = request.peer
      const parent = carrier ? propagation.extract(active, carrier) : active
      const span = tracer.startSpan(
        request.method,
        {
          kind: SpanKind.SERVER,
          attributes: { 'http.request.method': request.method, 'tessera.request_id': request.id },
        },
        parent,
      )
      methods.set(span, request.method)
      return context.with(parent, () =>
        within(
          span,
          async () => respond(request),
          ({ status }) => {
            span.setAttribute('http.response.status_code', status)
            if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
          },
        ),
      )
    },

    observeRequest(path) {
      const span = trace.getActiveSpan()
      const method = span && methods.get(span)
      if (!span || method === undefined || path === undefined) return
      span.updateName(`${method} ${path}`)
      span.setAttribute('http.route', path)
    },

    listen: log => {
      const line =
        (write: LogLine): LogLine =>
        (event, fields) => {
          const span = trace.getActiveSpan()
          if (span) describe(span, event, fields)
          write(event, fields)
        }
      return { debug: line(log.debug), info: line(log.info), warn: line(log.warn), error: line(log.error) }
    },

    time: stores =>
      Object.fromEntries(
        Object.entries(tracedMembers(stores)).map(([noun, port]) => [
          noun,
          typeof port === 'object' && port !== null ? tracedMembers(port, noun) : port,
        ]),
      ) as Stores,

    outbound:
      send =>
      (url, ...request) => {
        if (!trace.getActiveSpan()) return send(url, ...request)
        const address = URL.canParse(url) ? new URL(url).hostname : 'invalid'
        const span = tracer.startSpan(`request ${address}`, {
          kind: SpanKind.CLIENT,
          attributes: { 'server.address': address },
        })
        return within(
          span,
          () => send(url, ...request),
          answer => {
            if (answer.status !== undefined) span.setAttribute('http.response.status_code', answer.status)
            if (answer.reason !== undefined) span.setAttribute('error.type', answer.reason)
            if (!answer.ok) span.setStatus({ code: SpanStatusCode.ERROR })
          },
        )
      },
  }
}

/** Fields of log lines that contain neither secrets nor users. All others stay in the log. */
const described = ['endpoint', 'error', 'reason', 'grant_type', 'client_id', 'tenant', 'steps'] as const

function describe(span: Span, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
  const attributes: Attributes = {}
  for (const name of described) {
    const value = fields[name]
    if (typeof value === 'string') attributes[`tessera.${name}`] = value
    else if (Array.isArray(value)) attributes[`tessera.${name}`] = value.map(String)
  }
  span.addEvent(event, attributes)
}
