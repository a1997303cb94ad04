/** Requests to an API, as its guard sees them: adapters create them from the requests of their framework. */

export type ApiRequest = {
  readonly method: string
  /** The complete URL, or path and query as in `IncomingMessage.url`. */
  readonly url: string
  /**
   * Returns the values of a header, one for each line, or one with all of them if the framework joins them. Names are
   * in lower case.
   */
  readonly header: (name: string) => readonly string[]
  /** The body, if the framework parsed it before the guard. Only forms are examined. */
  readonly body?: unknown
  /**
   * The certificate of the client in DER, from TLS or from a proxy that is trusted to check it (RFC 8705 §3). A header
   * that a client can set itself is no such source.
   */
  readonly certificate?: Uint8Array | undefined
}

/** A response that the guard wrote. */
export type ApiResponse = {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
