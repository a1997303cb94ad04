/** Requests and responses of `node:http`, which other frameworks extend. Structural types: nothing of Node is imported. */

import type { Access } from './access.ts'
import type { ApiGuard } from './guard.ts'
import { metadataResponse } from './metadata-response.ts'
import type { ApiRequest, ApiResponse } from './request.ts'

/** The part of `http.IncomingMessage` that the guard reads. */
export type NodeRequest = {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Names and values in turn. `headers` drops all but the first `Authorization` line. */
  readonly rawHeaders?: readonly string[]
}

/** The part of `http.ServerResponse` that the guard writes. */
export type NodeResponse = {
  statusCode: number
  readonly headersSent?: boolean
  setHeader(name: string, value: string): unknown
  end(body?: string): unknown
}

export type AdapterOptions<Request> = {
  /**
   * Returns the client's certificate in DER, for tokens that are bound to one (RFC 8705 §3): `peerCertificate` of the
   * socket, or `forwardedCertificate` of a header that a trusted proxy sets. By default there is none.
   */
  readonly certificate?:
    | ((request: Request) => Uint8Array | undefined | Promise<Uint8Array | undefined>)
    | undefined
}

/** @param url path and query as the client sent them, if the framework has changed `url`. */
export function nodeApiRequest(
  request: NodeRequest,
  certificate: Uint8Array | undefined,
  url: string = request.url ?? '',
  body?: unknown,
): ApiRequest {
  const { method = 'GET', headers, rawHeaders = [] } = request
  const header = (name: string): readonly string[] => {
    const lines = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
    // Tools that imitate requests may have no raw headers.
    return lines.length > 0 ? lines : [headers[name] ?? []].flat()
  }
  return { method, url, header, body, certificate }
}

export function writeHeaders(response: NodeResponse, headers: ApiResponse['headers']): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}

export function writeNodeResponse(response: NodeResponse, { status, headers, body }: ApiResponse): void {
  response.statusCode = status
  writeHeaders(response, headers)
  response.end(body)
}

/** Serves the protected-resource metadata. Returns whether the request was for them. */
export function serveMetadata(
  guard: ApiGuard,
  { method, url }: Pick<NodeRequest, 'method' | 'url'>,
  response: NodeResponse,
): boolean {
  const served = metadataResponse(guard, method ?? 'GET', url ?? '')
  if (served) writeNodeResponse(response, served)
  return served !== undefined
}

/**
 * Returns the access that a guard attached to a request.
 * @throws TypeError if no guard has allowed the request: the route is open.
 */
export function accessOf(request: object): Access {
  const { access } = request as { readonly access?: Access }
  if (!access) throw new TypeError('no guard has allowed this request; add one to the route')
  return access
}
