/** The HTTP requests that a test server received, for assertions. They stay in the memory of the test. */

import type { HttpRequest } from '@tessera/protocol/http'
import { type EndpointName, endpointAt } from './faults.ts'

export type ReceivedRequest = {
  readonly method: string
  readonly path: string
  /** The endpoint or page that the path belongs to. */
  readonly endpoint: EndpointName | undefined
  readonly query: URLSearchParams
  /** The fields of a form; empty for another body. Nothing is masked. */
  readonly form: URLSearchParams
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
  /** The status of the response: undefined until it is sent, and if it was lost. */
  readonly status: number | undefined
}

export type Requests = {
  readonly list: readonly ReceivedRequest[]
  /** Adds a request. Returns a function that records the status of its response. */
  readonly add: (request: HttpRequest) => (status: number) => void
  readonly clear: () => void
}

/** @param base the path of the issuer, without a slash at its end. */
export function createRequests(base: () => string): Requests {
  const list: ReceivedRequest[] = []
  return {
    list,
    add({ method, path, query, headers, body }) {
      const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
      const received: ReceivedRequest & { status: number | undefined } = {
        method,
        path,
        endpoint: endpointAt(path.startsWith(base()) ? path.slice(base().length) : path),
        query: new URLSearchParams(query),
        form: new URLSearchParams(isForm ? body : ''),
        headers,
        body,
        status: undefined,
      }
      list.push(received)
      return status => {
        received.status = status
      }
    },
    clear: () => void list.splice(0),
  }
}
