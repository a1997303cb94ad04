/** Plain messages: what an endpoint is given and what it answers. The edges in `server/src/http` turn the outer world into them. */

export type HttpRequest = {
  /** An id for the logs: unique for each request. */
  readonly id: string
  /** In capitals. */
  readonly method: string
  /** Without the query, as sent. */
  readonly path: string
  /** Without the question mark, as sent; empty when there is none. */
  readonly query: string
  /** Names in lower case; a repeated header joined by `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Decoded as UTF-8 (bytes that are not become U+FFFD); empty when there is none. */
  readonly body: string
  readonly peer: Peer
  /**
   * Resolves to whether the client still waits for the response. To be asked before a refusal writes anything; takes
   * some time, so never asked on the way to a success. Absent: it does.
   */
  readonly connected?: () => Promise<boolean>
}

/** Resolves to false when the client of a request is known to have hung up. */
export const isConnected = async ({ connected }: HttpRequest): Promise<boolean> =>
  connected === undefined || (await connected())

/** Who sent the request, as the edge saw it. */
export type Peer = {
  /** The IP address. */
  readonly address: string
  /** The client certificate of the TLS connection in DER, base64 (RFC 8705); only from our own TLS or from a trusted proxy. */
  readonly certificate?: string
  /** The host that it asked for, where a proxy that is trusted with it says so; else the `host` header does. */
  readonly host?: string
}

export type HttpResponse = {
  readonly status: number
  /** Names in lower case; a list stands for a header sent several times. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
  /** Instead of `body`, what is no text: a picture. */
  readonly bytes?: Uint8Array
}

export type Endpoint = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>

/** A path, its methods and the endpoint that answers. Any other method is answered 405 with `Allow` by the edge. */
export type Route = {
  /** The whole path; one that ends in `/*` takes any last segment, which the endpoint reads from the request's path. */
  readonly path: string
  readonly methods: readonly ('GET' | 'POST' | 'PUT' | 'DELETE')[]
  readonly endpoint: Endpoint
  /** Cross-origin reads: `any` origin (public metadata, registration), the origins that `clients` registered, or none. */
  readonly cors?: 'any' | 'clients'
  /**
   * Its GET has an effect: it issues, consumes or ends something. HEAD and a prefetch do not reach the endpoint, since nobody
   * asked for the effect.
   */
  readonly acts?: true
  /** Opened by people in browsers: those get its errors as pages. */
  readonly page?: true
  /** Answered even under too much load: what tells an orchestrator whether the process lives. */
  readonly essential?: true
}
