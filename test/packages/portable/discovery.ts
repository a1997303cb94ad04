import { clientCredentials, createClient, createIssuer } from '@tessera/client'
import { expect, expectEqual, type PortableCase } from './case.ts'

export const discoveryCases: readonly PortableCase[] = [
  {
    name: 'metadata is requested once for callers at the same time',
    async run({ issuer }) {
      const urls: string[] = []
      const server = createIssuer(issuer, {
        fetch: (url, init) => {
          urls.push(url)
          return fetch(url, init)
        },
      })
      const [one, other] = await Promise.all([server.metadata(), server.metadata()])
      expect(one.ok && other.ok, 'the metadata is not available')
      expectEqual(one.value.issuer, issuer, 'issuer')
      expectEqual(urls.length, 1, 'requests')
    },
  },
  {
    name: 'metadata of another issuer is refused',
    async run({ issuer }) {
      const server = createIssuer(issuer.replace('localhost', '127.0.0.1'))
      const metadata = await server.metadata()
      expectEqual(metadata.ok || metadata.error.code, 'issuer_mismatch', 'error')
    },
  },
  {
    name: 'a server that can not be reached is a network error',
    async run() {
      const client = createClient({ issuer: 'http://127.0.0.1:9', client_id: 'machine' })
      const tokens = await clientCredentials(client)
      expectEqual(tokens.ok || tokens.error.kind, 'network', 'error')
    },
  },
  {
    name: 'an abort signal ends a request that is not responded to',
    async run({ issuer }) {
      const stop = new AbortController()
      const client = createClient({
        issuer,
        client_id: 'machine',
        // The request goes on for other callers, and the program waits for it at its end.
        timeout: 1,
        fetch: (_, { signal }) =>
          new Promise((_, reject) => {
            signal?.addEventListener('abort', () => reject(new Error('aborted')))
            stop.abort()
          }),
      })
      const tokens = await clientCredentials(client, { signal: stop.signal })
      expectEqual(tokens.ok || tokens.error.kind, 'aborted', 'error')
    },
  },
]
