/** A simulated browser: it stores cookies, follows redirects, and fills in the pages of the test server. */

import type { HttpResponse } from '@tessera/protocol/http'
import { type CookieJar, createCookieJar, type TestCookie } from './cookie-jar.ts'
import { type PageForm, readPageForm, readPageText } from './page-form.ts'
import { requestOf } from './people.ts'
import type { Running } from './running.ts'

/** A page of the test server, or a response of another server. */
export type Visit = {
  readonly url: URL
  readonly status: number
  /** The target of a redirect. */
  readonly location: URL | undefined
  readonly form: PageForm | undefined
  readonly text: string
  /** The body of another server's response has not been read. */
  readonly response: Response
  /** Whether the test server responded. */
  readonly isOurs: boolean
}

export type Navigator = {
  readonly jar: CookieJar
  readonly cookies: () => TestCookie[]
  /** Returns whether the test server serves this address. */
  readonly isOurs: (url: URL) => boolean
  /** Sends one request, without following redirects. */
  readonly send: (url: URL, form?: URLSearchParams) => Promise<Visit>
  /** Posts the form of a page with these fields filled in. */
  readonly submit: (
    page: Visit,
    fields: Readonly<Record<string, string | readonly string[]>>,
  ) => Promise<Visit>
  /** Sends a request as `fetch` does, with the cookies of this browser. Follows redirects, unless `redirect` is `manual`. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
}

const mostRedirects = 20

/** Requests to the test server are handled without a socket, so faults don't apply to them and they are not recorded. */
export function createNavigator(running: () => Running): Navigator {
  const jar = createCookieJar()

  const isOurs = (url: URL): boolean => {
    const own = new URL(running().tessera.issuer)
    return url.port === own.port && (url.hostname === own.hostname || loopback.has(url.hostname))
  }

  async function send(url: URL, form?: URLSearchParams): Promise<Visit> {
    if (!isOurs(url)) return sendOutside(url, form)
    const response = await running().tessera.handle(requestOf(url, jar, form))
    jar.store(url, [response.headers['set-cookie'] ?? []].flat())
    return visitOf(url, response)
  }

  async function sendOutside(url: URL, form?: URLSearchParams): Promise<Visit> {
    const init: RequestInit = form ? { method: 'POST', body: form } : {}
    const response = await once(url, { ...init, headers: { accept: 'text/html' } })
    const location = response.headers.get('location')
    const isRedirect = response.status >= 300 && response.status < 400 && location !== null
    if (isRedirect) await response.body?.cancel()
    return {
      url,
      status: response.status,
      response,
      isOurs: false,
      location: isRedirect ? new URL(location, url) : undefined,
      form: undefined,
      text: '',
    }
  }

  async function once(url: URL, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers)
    const cookie = jar.header(url)
    if (cookie !== undefined) headers.set('cookie', cookie)
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    jar.store(url, response.headers.getSetCookie())
    return response
  }

  return {
    jar,
    cookies: () => jar.list(),
    isOurs,
    send,
    submit({ url, form, text }, fields) {
      if (!form) throw new Error(`the page at ${url.pathname} has no form: ${text}`)
      const filled = { ...form.fields, ...form.ticked, ...fields }
      const pairs = Object.entries(filled).flatMap(([name, value]) =>
        [value].flat().map((one): [string, string] => [name, one]),
      )
      return send(new URL(form.action, url), new URLSearchParams(pairs))
    },
    async fetch(start, init = {}) {
      let url = new URL(start)
      let asked = init
      for (let hops = 0; hops <= mostRedirects; hops++) {
        const response = await once(url, asked)
        const location = response.headers.get('location')
        const isRedirect = response.status >= 300 && response.status < 400 && location !== null
        if (!isRedirect || init.redirect === 'manual') return response
        await response.body?.cancel()
        url = new URL(location, url)
        // RFC 9110 §15.4: only 307 and 308 keep the method.
        if (response.status < 307) asked = { ...asked, method: 'GET', body: null }
      }
      throw new Error(`${String(start)} redirects more than ${mostRedirects} times`)
    },
  }
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

function visitOf(url: URL, { status, headers, body }: HttpResponse): Visit {
  const { location } = headers
  const list = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  )
  return {
    url,
    status,
    location: typeof location === 'string' ? new URL(location, url) : undefined,
    form: readPageForm(body),
    text: readPageText(body),
    response: new Response(body === '' ? null : body, { status, headers: list }),
    isOurs: true,
  }
}
