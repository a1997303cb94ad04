/** A reverse proxy with TLS, and requests to it, for tests of what operators run. */

import { request as requestHttp } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { certificate, privateKey } from './tls.ts'

export type TlsProxy = {
  readonly port: number
  /** Sends all later requests to this port. */
  readonly lead: (port: number) => void
  readonly close: () => void
}

/** Does what the files of deploy/proxies do: it sets `x-forwarded-for`, and keeps some paths inside. */
export async function startTlsProxy(): Promise<TlsProxy> {
  let upstream = 0
  const proxy = createServer({ cert: certificate, key: privateKey }, (received, response) => {
    if (/^\/(?:metrics|admin|healthz|readyz)(?:\/|$)/.test(received.url ?? '')) {
      response.writeHead(404).end()
      return
    }
    const headers = { ...received.headers, 'x-forwarded-for': received.socket.remoteAddress ?? '' }
    const { method, url: path } = received
    const sent = requestHttp({ host: '127.0.0.1', port: upstream, method, path, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    sent.on('error', () => response.writeHead(502).end())
    received.pipe(sent)
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  return {
    port: (proxy.address() as AddressInfo).port,
    lead(port) {
      upstream = port
    },
    close: () => void proxy.close(),
  }
}

export type TlsAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

/** @param form sent by POST; without one, the request is a GET. */
export function askTls(
  port: number,
  path: string,
  { form, headers }: { form?: Readonly<Record<string, string>>; headers?: Record<string, string> } = {},
): Promise<TlsAnswer> {
  const body = form && new URLSearchParams(form).toString()
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: 'localhost',
        port,
        path,
        ca: certificate,
        agent: false,
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
      },
      response => {
        let text = ''
        response.setEncoding('utf8').on('data', chunk => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        )
      },
    )
    sent.on('error', reject).end(body)
  })
}
