/**
 * HTTP messages as plain values, independent of any HTTP library. The edges in `server/src/http` convert to and from
 * them.
 */

export type HttpRequest = {
  /** A unique id for the logs. */
  readonly id: string
  /** Upper case. Endpoints get GET for HEAD. */
  readonly method: string
  /** Whether the client sent HEAD, and the endpoint answers it as GET (RFC 9110 §9.3.2). */
  readonly isHead?: true
  /** Without the query, as sent. */
  readonly path: string
  /** Without the question mark, as sent; empty if there is no query. */
  readonly query: string
  /** Names in lower case; repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Decoded as UTF-8; invalid bytes become U+FFFD. Empty if there is no body. */
  readonly body: string
  readonly peer: Peer
  /**
   * Resolves to whether the client still waits for the response; if undefined, it is assumed to wait. The check takes
   * time, so only refusals that write something make it, never successful requests.
   */
  readonly connected?: () => Promise<boolean>
}

/** Resolves to false if the client is known to have disconnected. */
export const isConnected = async ({ connected }: HttpRequest): Promise<boolean> =>
  connected === undefined || (await connected())

/** The sender of the request, as the edge saw it. */
export type Peer = {
  /** The IP address. */
  readonly address: string
  /**
   * The client certificate of the TLS connection, DER in base64 (RFC 8705). Set only by our own TLS or by a trusted
   * proxy.
   */
  readonly certificate?: string
  /** The requested host, if a trusted proxy states it; otherwise use the `host` header. */
  readonly host?: string
  /** The trace that a trusted proxy started: its headers `traceparent` and `tracestate` (W3C Trace Context §3). */
  readonly trace?: Readonly<Record<string, string>>
}

export type HttpResponse = {
  readonly status: number
  /** Names in lower case; a list is sent as repeated headers. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
  /** Replaces `body` for binary content such as images. */
  readonly bytes?: Uint8Array
}

export type Endpoint = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>

/** A path, its methods and its endpoint. The edge responds to any other method with 405 and `Allow`. */
export type Route = {
  /**
   * The complete path. One that ends in `/*` matches any last segment, and one that ends in `/**` any path below. The
   * endpoint reads the rest from the request's path.
   */
  readonly path: string
  readonly methods: readonly ('GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[]
  readonly endpoint: Endpoint
  /**
   * Allowed cross-origin reads: `any` origin (public metadata, registration), the origins that `clients` registered, or
   * none.
   */
  readonly cors?: 'any' | 'clients'
  /**
   * Its GET has side effects: it issues, redeems or ends something. HEAD and prefetch requests don't reach the
   * endpoint.
   */
  readonly acts?: true
  /** Opened by people in browsers, so its errors are pages. */
  readonly page?: true
  /** Served even under overload, such as health checks of an orchestrator. */
  readonly essential?: true
}
