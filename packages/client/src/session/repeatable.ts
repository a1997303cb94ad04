/** Requests of a caller that can be sent more than once. */

/** The signature of the global `fetch`. */
export type ApiFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

export type RepeatableRequest = {
  readonly url: string
  readonly method: string
  readonly redirect: string
  readonly signal: AbortSignal | undefined
  /** Whether the request can be sent again. A body that is a stream can be read only once. */
  readonly isRepeatable: boolean
  /** Sends the request with more headers. */
  readonly send: (fetch: ApiFetch, headers: Readonly<Record<string, string>>) => Promise<Response>
}

/** Reads what a caller passed to `fetch`. Relative URLs are resolved in browsers only. */
export function repeatableRequest(input: string | URL | Request, init: RequestInit): RepeatableRequest {
  const request = typeof input === 'object' && 'headers' in input ? input : undefined
  const url = request?.url ?? resolve(`${input}`)
  const method = (init.method ?? request?.method ?? 'GET').toUpperCase()
  const redirect = init.redirect ?? request?.redirect ?? 'follow'
  const given = init.headers ?? request?.headers
  return {
    url,
    method,
    redirect,
    signal: init.signal ?? request?.signal ?? undefined,
    isRepeatable: !isStream(init.body),
    send(fetch, added) {
      const headers = new Headers(given)
      for (const [name, value] of Object.entries(added)) headers.set(name, value)
      const changes: RequestInit = {
        ...init,
        method,
        headers,
        redirect: redirect === 'error' ? 'error' : 'manual',
      }
      // A copy is sent, because sending reads the body.
      return request ? fetch(new Request(request.clone(), changes)) : fetch(url, changes)
    },
  }
}

const isStream = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && ('getReader' in body || Symbol.asyncIterator in body)

function resolve(url: string): string {
  const { location } = globalThis as { readonly location?: { readonly href: string } }
  return new URL(url, location?.href).href
}
