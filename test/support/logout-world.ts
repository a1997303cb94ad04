/** Clients that receive logout notices, and the requests they got. */

import type { Outbound, OutboundRequest } from '../../packages/server/src/outbound/outbound.ts'
import { type Browser, createBrowser } from './browser.ts'
import { answerOf, authorizePath, pagesWorld, signIn, verifier } from './sign-in.ts'
import { createTestServer, type TestServer } from './tessera.ts'

const told = {
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid profile api1 offline_access',
}

export const callbacks: Readonly<Record<string, string>> = {
  web: 'https://app.example/cb',
  shop: 'https://shop.example/cb',
  wiki: 'https://wiki.example/cb',
}

export const logoutWorld = {
  ...pagesWorld,
  clients: [
    ...pagesWorld.clients.map(client =>
      client.client_id === 'web'
        ? {
            ...client,
            client_uri: 'https://app.example/',
            post_logout_redirect_uris: ['https://app.example/bye', 'https://app.example/bye?from=op'],
          }
        : client,
    ),
    {
      ...told,
      client_id: 'shop',
      redirect_uris: [callbacks.shop],
      post_logout_redirect_uris: ['https://shop.example/bye'],
      frontchannel_logout_uri: 'https://shop.example/front?x=1',
      backchannel_logout_uri: 'https://shop.example/back',
      backchannel_logout_session_required: true,
    },
    {
      ...told,
      client_id: 'wiki',
      redirect_uris: [callbacks.wiki],
      frontchannel_logout_uri: 'https://wiki.example/front',
      backchannel_logout_uri: 'https://wiki.example/back',
      id_token_signed_response_alg: 'ES256',
    },
  ],
}

export type Post = { readonly url: string; readonly request: OutboundRequest }

/** A server whose clients respond to back-channel requests with what `status` returns. */
export async function startLogoutWorld(more: object = {}) {
  const posts: Post[] = []
  let status: (url: string) => number | 'unreachable' = () => 200
  const outbound: Outbound = async (url, request = {}) => {
    posts.push({ url: String(url), request })
    const answer = status(String(url))
    return answer === 'unreachable'
      ? { ok: false, reason: 'outbound_timeout' }
      : { ok: true, status: answer, headers: {}, body: '' }
  }
  const server = await createTestServer({ ...logoutWorld, ...more }, { outbound })
  return {
    server,
    browser: createBrowser(server),
    posts,
    answerWith: (answer: typeof status) => {
      status = answer
    },
  }
}

/** Signs in at these clients one after the other, in one browser; returns the ID token of each. */
export async function signInAt(
  server: TestServer,
  browser: Browser,
  clients: readonly string[],
  changes: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, any>>> {
  const tokens: Record<string, any> = {}
  for (const client_id of clients) {
    const redirect_uri = callbacks[client_id]!
    const target = authorizePath({ client_id, redirect_uri, ...changes })
    let page = await browser.visit(target)
    if (page.form) page = await signIn(browser, target)
    const { json } = await server.token({
      grant_type: 'authorization_code',
      client_id,
      code: answerOf(page, redirect_uri).get('code') ?? '',
      redirect_uri,
      code_verifier: verifier,
    })
    tokens[client_id] = json
  }
  return tokens
}

export const endSessionPath = (parameters: Readonly<Record<string, string>> = {}): string =>
  `/connect/endsession?${new URLSearchParams(parameters)}`

/** The logout token of a request. */
export const logoutTokenOf = ({ request }: Post): string =>
  new URLSearchParams(request.body).get('logout_token') ?? ''
