/** Traces with the SDK of OpenTelemetry: what a span contains, which trace it belongs to, and that it contains no secret. */

import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { listen } from '../../packages/server/src/http/node.ts'
import { createTracing } from '../../packages/server/src/operations/tracing/tracing.ts'
import { ask } from '../support/edges.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const form = { grant_type: 'client_credentials', scope: 'api1' }
const client = ['client', secret] as const

test('tracing: without an SDK, requests are served as before', async () => {
  const server = await createTestServer({ ...world, tracing: true })
  assert.equal((await server.token(form, { client })).status, 200)
  await server.close()
})

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const startSdk = () => {
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
}
let opened: Promise<TestServer> | undefined
const traced = (): Promise<TestServer> => {
  if (!opened) startSdk()
  const tracing = { ...world, tracing: true, trusted_proxies: ['127.0.0.1'] }
  opened ??= createTestServer(tracing, { closedByFile: true })
  return opened
}
beforeEach(() => exporter.reset())
after(async () => (await opened)?.close())

const requestSpans = (): ReadableSpan[] =>
  exporter.getFinishedSpans().filter(({ kind }) => kind === SpanKind.SERVER)
const isChildOf = (span: ReadableSpan) => (other: ReadableSpan) =>
  other.parentSpanContext?.spanId === span.spanContext().spanId

test('tracing: a request is a span with its route, its log lines and its operations on the store', async () => {
  const server = await traced()
  const code = await issueCode(server)
  const redeem = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  }
  assert.equal((await server.token(redeem, { client: ['web', secret] })).status, 200)
  const [span = assert.fail('no span')] = requestSpans()
  assert.equal(span.name, 'POST /connect/token')
  const { 'tessera.request_id': id, ...attributes } = span.attributes
  assert.match(String(id), /./)
  assert.deepEqual(attributes, {
    'http.request.method': 'POST',
    'http.route': '/connect/token',
    'http.response.status_code': 200,
  })
  const [issued] = span.events.filter(({ name }) => name === 'tokens_issued')
  assert.equal(issued?.attributes?.['tessera.grant_type'], 'authorization_code')
  const operations = exporter.getFinishedSpans().filter(isChildOf(span))
  assert.deepEqual(
    ['codes.find', 'commit'].filter(name => !operations.some(one => one.name.startsWith(name))),
    [],
    operations.map(({ name }) => name).join(),
  )
  for (const { attributes, kind } of operations) {
    assert.equal(kind, SpanKind.CLIENT)
    assert.equal(attributes['db.system.name'], 'memory')
  }
  const all = JSON.stringify(
    exporter.getFinishedSpans().map(({ name, attributes, events }) => ({ name, attributes, events })),
  )
  for (const hidden of [code, verifier, secret, redirectUri, '88421113', 'Basic'])
    assert.ok(!all.includes(hidden), hidden)
})

test('tracing: a refusal has its reason, and a path without a route has no name of its own', async () => {
  const server = await traced()
  await server.token(form, { client: ['client', 'wrong'] })
  await server.send('GET', '/nothing/secret-path')
  const [refused, unknown] = requestSpans()
  const [event] = refused?.events.filter(({ name }) => name === 'refused') ?? []
  assert.equal(event?.attributes?.['tessera.reason'], 'client_secret_wrong')
  assert.equal(event?.attributes?.['tessera.error'], 'invalid_client')
  assert.equal(refused?.status.code, SpanStatusCode.UNSET)
  assert.equal(unknown?.name, 'GET')
  assert.doesNotMatch(JSON.stringify(unknown?.attributes), /secret-path/)
})

test('tracing: only a trusted proxy continues a trace', async () => {
  const server = await traced()
  const id = '0af7651916cd43dd8448eb211c80319c'
  const headers = { traceparent: `00-${id}-b7ad6b7169203331-01`, tracestate: 'vendor=1' }
  for (const [trustedProxies, expected] of [
    [['127.0.0.1'], true],
    [['192.0.2.1'], false],
    [[], false],
  ] as const) {
    exporter.reset()
    const edge = await listen(server.handle, { host: '127.0.0.1', port: 0, trustedProxies })
    await ask(edge, 'GET', '/.well-known/openid-configuration', {
      headers: { ...headers, host: 'id.example' },
    })
    await edge.close()
    const [span = assert.fail('no span')] = requestSpans()
    assert.equal(span.spanContext().traceId === id, expected, trustedProxies.join())
    assert.equal(span.parentSpanContext?.spanId === 'b7ad6b7169203331', expected)
  }
})

test('tracing: a request to another server is a span without its path, and an error has a name only', async () => {
  await traced()
  const tracing = createTracing({ database: 'memory' })
  const send = tracing.outbound(async () => ({ ok: false, reason: 'outbound_timeout' }) as const)
  const request = {
    id: 'r',
    method: 'GET',
    path: '/',
    query: '',
    headers: {},
    body: '',
    peer: { address: '::1' },
  }
  await send('https://idp.example/not-in-a-request')
  await assert.rejects(
    tracing.request(request, async () => {
      await send('https://idp.example/path?token=hidden')
      throw new TypeError('hidden input')
    }),
    /hidden input/,
  )
  const [outbound, span] = exporter.getFinishedSpans()
  assert.equal(exporter.getFinishedSpans().length, 2)
  assert.deepEqual(outbound?.attributes, {
    'server.address': 'idp.example',
    'error.type': 'outbound_timeout',
  })
  assert.equal(span?.attributes['error.type'], 'TypeError')
  assert.equal(span?.status.code, SpanStatusCode.ERROR)
  assert.doesNotMatch(
    JSON.stringify([outbound, span].map(one => [one?.name, one?.attributes, one?.events, one?.status])),
    /hidden/,
  )
})

test('tracing: it is off by default, and then nothing is wrapped', async () => {
  await traced()
  const server = await createTestServer(world)
  assert.equal((await server.token(form, { client })).status, 200)
  assert.equal(exporter.getFinishedSpans().length, 0)
  await server.close()
})
