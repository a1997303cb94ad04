/** A reverse proxy with TLS, and requests to it, for tests of what operators run. */

import { request as requestHttp } from 'node:http'
import { Agent, createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { certificate, privateKey } from './tls.ts'

export type TlsProxy = {
  readonly port: number
  /** Sends all later requests to this port. */
  readonly lead: (port: number) => void
  readonly close: () => void
}

type ProxyOptions = {
  /** Requests client certificates. Default: removes the header `client-cert`. */
  readonly certificates?: {
    readonly form: keyof typeof certificateForms
    /** The CA that must have issued them (PEM). Default: forwards them unverified. */
    readonly ca?: string
  }
  /** Paths that it keeps inside. */
  readonly inside?: RegExp
}

/** How proxies write the header: as RFC 9440 says, as nginx does, as Traefik does. */
const certificateForms = {
  rfc9440: (der: Buffer) => `:${der.toString('base64')}:`,
  nginx: (der: Buffer) =>
    encodeURIComponent(
      `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`,
    ),
  traefik: (der: Buffer) => der.toString('base64'),
} as const

/**
 * Does what the files of deploy/proxies do: it sets `x-forwarded-for`, replaces `client-cert`, and keeps some paths
 * inside.
 */
export async function startTlsProxy({
  certificates,
  inside = /^\/(?:metrics|admin|healthz|readyz)(?:\/|$)/,
}: ProxyOptions = {}): Promise<TlsProxy> {
  let upstream = 0
  const { ca } = certificates ?? {}
  const options = {
    ...{ cert: certificate, key: privateKey, requestCert: certificates !== undefined },
    // Idle connections are kept until the end.
    keepAliveTimeout: 0,
    ...{ ...(ca !== undefined && { ca }), rejectUnauthorized: ca !== undefined },
  }
  const proxy = createServer(options, (received, response) => {
    if (inside.test(received.url ?? '')) {
      response.writeHead(404).end()
      return
    }
    const { 'client-cert': _, ...kept } = received.headers
    const { raw } = certificates ? (received.socket as TLSSocket).getPeerCertificate() : {}
    const headers = {
      ...kept,
      'x-forwarded-for': received.socket.remoteAddress ?? '',
      ...(certificates && raw && { 'client-cert': certificateForms[certificates.form](raw) }),
    }
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
    close() {
      proxy.close()
      proxy.closeAllConnections()
    },
  }
}

export type TlsAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

/** One for each proxy and certificate: most of a request's time is its handshake. */
const connections = new Agent({ keepAlive: true })

type TlsQuestion = {
  /** Sent by POST; without one, the request is a GET. */
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** The client's certificate and its key (PEM). */
  readonly identity?: { readonly cert: string; readonly key: string }
}

export function askTls(
  port: number,
  path: string,
  { form, headers, identity: { cert, key } = { cert: '', key: '' } }: TlsQuestion = {},
): Promise<TlsAnswer> {
  const body = form && new URLSearchParams(form).toString()
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: 'localhost',
        port,
        path,
        ca: certificate,
        ...(cert !== '' && { cert, key }),
        agent: connections,
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
