/** A `fetch` with a client certificate, for libraries that accept one. */

import { request as httpsRequest, type RequestOptions } from 'node:https'
import type { Fetch } from '@tessera/client'

/** A `fetch` as an application writes it, because that of Node has no option for a certificate. */
export const fetchWith = (options: RequestOptions): Fetch => {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const headers = Object.fromEntries(new Headers(init.headers))
      const signal = init.signal ?? undefined
      const request = httpsRequest(url, { ...options, method: init.method, headers, signal }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve(
            new Response(Buffer.concat(chunks), {
              status: response.statusCode ?? 0,
              headers: response.headers as Record<string, string>,
            }),
          ),
        )
      })
      request.on('error', reject)
      // Some libraries pass URLSearchParams.
      request.end(init.body ? String(init.body) : undefined)
    })
}
