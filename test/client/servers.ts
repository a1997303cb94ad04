/** Authorization servers for the tests of the client library. */

import type { Fetch } from '@tessera/client'
import { createTestServer, issuer, type SendOptions, type TestServer } from '../support/tessera.ts'

export type ClientWorld = {
  readonly server: TestServer
  readonly issuer: string
  /** Passes requests to the server without a network. Others fail. */
  readonly fetch: Fetch
  /** Each request that was sent, the oldest first. */
  readonly sent: { readonly url: string; readonly init: RequestInit }[]
}

/**
 * Starts Tessera in this process with a fixed clock, behind a `fetch` of its own, which presents the certificate if one
 * is given.
 */
export async function startTessera(
  configuration: object,
  { certificate }: Pick<SendOptions, 'certificate'> = {},
): Promise<ClientWorld> {
  const server = await createTestServer(configuration)
  const sent: { url: string; init: RequestInit }[] = []
  const fetch: Fetch = async (url, init) => {
    sent.push({ url, init })
    if (!url.startsWith(issuer)) throw new TypeError(`no server at ${url}`)
    init.signal?.throwIfAborted()
    const { status, headers, body, bytes } = await server.send(
      init.method ?? 'GET',
      url.slice(issuer.length),
      {
        headers: Object.fromEntries(new Headers(init.headers)),
        body: `${init.body ?? ''}`,
        ...(certificate !== undefined && { certificate }),
      },
    )
    const pairs = Object.entries(headers).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, `${one}`]),
    )
    // A response without content has no body (Fetch §2.2.6, null body status).
    return new Response([204, 304].includes(status) ? null : ((bytes as Uint8Array<ArrayBuffer>) ?? body), {
      status,
      headers: pairs,
    })
  }
  return { server, issuer, fetch, sent }
}
