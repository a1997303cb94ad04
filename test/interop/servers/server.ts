/** Authorization servers of different authors, behind one interface for the tests of `@tessera/client`. */

import type { ClientAuthentication, DeviceAuthorization } from '@tessera/client'

export type InteropClient = { readonly client_id: string; readonly authentication: ClientAuthentication }

export type InteropServer = {
  readonly name: string
  readonly issuer: string
  /** Clients for client credentials: one for each authentication method that the server supports. */
  readonly machines: readonly InteropClient[]
  /** A client for authorization codes and refresh tokens. */
  readonly web: InteropClient
  /** The client that introspects access tokens. */
  readonly api: InteropClient
  /** A public client for device authorization. */
  readonly device: InteropClient
  /** A client for hybrid responses; undefined if the server has none. */
  readonly hybrid?: InteropClient
  /** A client that signs authorization requests; undefined if the server reads none. */
  readonly signer?: { readonly client: InteropClient; readonly key: CryptoKey; readonly kid: string }
  readonly redirect_uri: string
  readonly post_logout_redirect_uri: string
  /** The scope of the API, and its identifier as resource and audience. */
  readonly scope: string
  readonly resource: string
  /** Signs a user in at an authorization request; returns the URL that the browser is redirected to. */
  readonly authorize: (url: string) => Promise<string>
  /** Opens an authorization request in a browser without a session; returns the URL that it is redirected to. */
  readonly open: (url: string) => Promise<string>
  /** Opens a sign-out request in the browser that was used last; returns the URL that it is redirected to. */
  readonly signOut: (url: string) => Promise<string>
  readonly approveDevice: (device: DeviceAuthorization) => Promise<void>
  /** Signs with a new key from now on. Tokens signed with the one before can no longer be verified. */
  readonly replaceKeys: () => Promise<void>
  readonly close: () => Promise<void>
}

export const secret = 'a-secret-of-the-clients:with %+&= in it'
export const redirect_uri = 'https://app.example/cb'
export const post_logout_redirect_uri = 'https://app.example/bye'

/** Follows redirects of a browser with cookies until one leads to another origin. */
export function createVisitor(origin: string) {
  const cookies = new Map<string, string>()

  async function send(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return response
  }

  return {
    send,
    /** Opens a URL, and submits forms with these values, until the browser leaves or a page has no form. */
    async visit(
      start: string,
      values: Readonly<Record<string, string>> = {},
    ): Promise<{ url: URL; text: string }> {
      let [url, response] = [start, await send(start)]
      for (let steps = 0; steps < 15; steps++) {
        const location = response.headers.get('location')
        if (location !== null) {
          const next = new URL(location, url)
          if (next.origin !== origin) return { url: next, text: '' }
          url = next.href
          response = await send(url)
          continue
        }
        const text = await response.text()
        const form = formOf(text, values)
        if (!form) return { url: new URL(url), text }
        url = new URL(form.action, url).href
        response = await send(url, { method: 'POST', body: new URLSearchParams(form.fields) })
      }
      throw new Error(`the server does not come to an end: ${url}`)
    },
  }
}

/** Returns the first form of a page with its fields and buttons. Given values replace those of the page. */
function formOf(html: string, values: Readonly<Record<string, string>>) {
  const [, action] = /<form[^>]*action="([^"]*)"/.exec(html) ?? []
  if (action === undefined) return undefined
  const inputs = [...html.matchAll(/<(?:input|button)[^>]* name="([^"]*)"[^>]*>/g)]
  const fields = inputs
    .map(([input, name = '']): [string, string] => [name, /value="([^"]*)"/.exec(input)?.[1] ?? ''])
    .map(([name, value]): [string, string] => [name, values[name] ?? value])
    .filter(([name, value]) => value !== '' && !['abort', 'cancel'].includes(name))
  return { action: action.replaceAll('&amp;', '&'), fields: Object.fromEntries(fields) }
}
