/** Sends requests to the server that is checked, without following redirects. */

import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

export type ProbeResponse = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
  /** Undefined for http. */
  readonly tls?: {
    readonly protocol: string
    /** Why the certificate is not trusted; undefined if it is. */
    readonly untrusted?: string
    /** Milliseconds since 1970. */
    readonly validUntil: number
  }
}

type ProbeRequest = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
}

/**
 * Resolves to the response. Repeats requests that a busy server asks to repeat (503 with `Retry-After`), up to three times.
 * Rejects if there is no response within ten seconds.
 */
export type Probe = (path: string, request?: ProbeRequest) => Promise<ProbeResponse>

const timeout = 10_000
const longestBody = 1024 * 1024
const mostRetries = 3
/** Milliseconds before a retry. */
const pause = 1000

/** @param base the issuer's URL; paths are appended to it. */
export function createProbe(base: URL): Probe {
  const ask = createRequests(base)
  return async (path, request) => {
    let response = await ask(path, request)
    for (let retries = 0; retries < mostRetries && isBusy(response); retries++) {
      await new Promise(resolve => setTimeout(resolve, pause))
      response = await ask(path, request)
    }
    return response
  }
}

const isBusy = ({ status, headers }: ProbeResponse): boolean =>
  status === 503 && headers['retry-after'] !== undefined

function createRequests(base: URL): Probe {
  const send = base.protocol === 'https:' ? requestHttps : requestHttp
  const prefix = base.pathname.replace(/\/$/, '')
  return (path, { method, headers, form } = {}) =>
    new Promise((resolve, reject) => {
      const body = form && new URLSearchParams(form).toString()
      const sent = send(
        new URL(prefix + path, base),
        {
          method: method ?? (body === undefined ? 'GET' : 'POST'),
          agent: false,
          timeout,
          // An untrusted certificate is a finding, not the end of all checks. Nothing secret is sent.
          rejectUnauthorized: false,
          headers: {
            ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
            ...headers,
          },
        },
        response => {
          const tls = tlsOf(response.socket)
          let text = ''
          response.setEncoding('utf8').on('data', chunk => {
            if (text.length < longestBody) text += chunk
          })
          response.on('error', reject).on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: text,
              ...(tls && { tls }),
            }),
          )
        },
      )
      sent.on('timeout', () => sent.destroy(new Error(`no response in ${timeout / 1000} s`)))
      sent.on('error', reject).end(body)
    })
}

function tlsOf(socket: Socket): ProbeResponse['tls'] {
  if (!(socket instanceof TLSSocket)) return undefined
  const untrusted = socket.authorizationError as Error | string | null
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    ...(untrusted && { untrusted: typeof untrusted === 'string' ? untrusted : String(untrusted) }),
    validUntil: Date.parse(socket.getPeerCertificate().valid_to ?? ''),
  }
}
