/** Hosts with client documents, in tests: a server on loopback answers for all of them. */

import { createOutbound, type Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { openLoopback } from './loopback.ts'
import { authorizePath, pagesWorld } from './sign-in.ts'
import { createTestServer, type TestServer } from './tessera.ts'

type Response = { status?: number; headers?: Readonly<Record<string, string>>; body: string | object }

export type DocumentHosts = {
  readonly outbound: Outbound
  /** Publishes a response at a URL. */
  readonly publish: (url: string, response: Response) => void
  readonly remove: (url: string) => void
  /** The URLs that were asked for, with their headers. */
  readonly asked: { readonly url: string; readonly headers: Readonly<Record<string, string>> }[]
  /** Hosts that do not respond. */
  readonly away: Set<string>
}

/** https requests go to the loopback server by http, with the server's own limits. */
export async function openDocumentHosts(): Promise<DocumentHosts> {
  const there = await openLoopback()
  const send = createOutbound({ allowedPrivateNetworks: ['127.0.0.0/8'] })
  const asked: DocumentHosts['asked'] = []
  const away = new Set<string>()
  const placeOf = (url: string): string => {
    const { protocol, host, pathname, search } = new URL(url)
    return protocol === 'https:' ? `/${host}${pathname}${search}` : pathname
  }
  return {
    asked,
    away,
    publish: (url, { status, headers, body }) =>
      there.pages.set(placeOf(url), {
        ...(status !== undefined && { status }),
        ...(headers && { headers }),
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    remove: url => there.pages.delete(placeOf(url)),
    async outbound(url, request) {
      asked.push({ url: String(url), headers: request?.headers ?? {} })
      if (away.has(new URL(url).host)) return { ok: false, reason: 'outbound_timeout' }
      return send(there.origin + placeOf(String(url)), request)
    },
  }
}

export const documentUrl = 'https://app.client.example/oauth/client.json'
export const documentCallback = 'https://app.client.example/cb'

export const documentOf = (client_id: string = documentUrl, more: object = {}) => ({
  client_id,
  client_name: 'Notes',
  redirect_uris: [`${new URL(client_id).origin}/cb`],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid profile offline_access',
  ...more,
})

export const openTo = (documents: object = {}, registration: object = {}) => ({
  ...pagesWorld,
  registration: { metadata_documents: { mode: 'open', ...documents }, ...registration },
})

/** A server with one published client. */
export async function openDocumentServer(
  documents: object = {},
  more: object = {},
  given: Parameters<typeof createTestServer>[1] = {},
): Promise<DocumentHosts & { readonly server: TestServer }> {
  const hosts = await openDocumentHosts()
  hosts.publish(documentUrl, { body: documentOf() })
  const server = await createTestServer(
    { ...openTo(documents), ...more },
    { ...given, outbound: hosts.outbound },
  )
  return { ...hosts, server }
}

export const requestOf = (client_id: string = documentUrl, changes: object = {}): string =>
  authorizePath({
    client_id,
    redirect_uri: `${new URL(client_id).origin}/cb`,
    scope: 'openid profile offline_access',
    ...changes,
  })
