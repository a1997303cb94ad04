/** A browser without scripts for flow tests: it keeps cookies, reads forms and follows redirects within the server. */

import { parseSetCookie } from 'cookie'
import {
  type PageForm,
  readPageForm,
  readPageText,
  unescapeHtml,
} from '../../packages/server/src/testing/page-form.ts'
import type { Answer, SendOptions, TestServer } from './tessera.ts'

export type Page = Answer & {
  /** The path and query of the page. */
  readonly target: string
  /** The target of a redirect. */
  readonly location: string | undefined
  readonly form: PageForm | undefined
  /** The text between the tags. */
  readonly text: string
}

export type Browser = {
  readonly cookies: Map<string, string>
  /** Sends one request and returns its response. */
  readonly request: (method: string, target: string, options?: SendOptions) => Promise<Page>
  /** Sends a request, then follows every redirect that stays on this server. */
  readonly visit: (target: string) => Promise<Page>
  /**
   * Posts a page's form with these fields filled in (boxes: those that are checked), then follows redirects that stay
   * on this server.
   */
  readonly submit: (page: Page, fields: Readonly<Record<string, string | readonly string[]>>) => Promise<Page>
}

const mostRedirects = 10

/** @param cookies Those of a browser that also visits another server on the same host. */
export function createBrowser(
  server: Pick<TestServer, 'send'>,
  cookies = new Map<string, string>(),
): Browser {
  const request: Browser['request'] = async (method, target, { headers, ...options } = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await server.send(method, target, {
      ...options,
      headers: { ...(cookie !== '' && { cookie }), ...headers },
    })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const { name, value = '', maxAge } = parseSetCookie(line)
      if (maxAge === 0) cookies.delete(name)
      else cookies.set(name, value)
    }
    const location = answer.headers.location as string | undefined
    return { ...answer, target, location, form: readPageForm(answer.body), text: readPageText(answer.body) }
  }

  const follow = async (page: Page): Promise<Page> => {
    let current = page
    for (let hops = 0; current.location?.startsWith('/'); hops++) {
      if (hops === mostRedirects) throw new Error(`redirected in a circle: ${current.location}`)
      current = await request('GET', current.location)
    }
    return current
  }

  return {
    cookies,
    request,
    visit: async target => follow(await request('GET', target)),
    async submit(page, fields) {
      if (!page.form) throw new Error(`no form: ${page.status} ${page.text || page.location}`)
      const { action, fields: given, ticked } = page.form
      return follow(await request('POST', action, { form: { ...given, ...ticked, ...fields } }))
    },
  }
}

/** Returns the names of the cookies that forms of this browser are checked with. */
export const csrfCookies = ({ cookies }: Pick<Browser, 'cookies'>): readonly string[] =>
  [...cookies.keys()].filter(name => /^(__Host-)?tessera_csrf(_\d+)?$/.test(name))

/** Returns where a page redirects without scripts: the seconds and the URL. */
export function refreshOf({ body }: Pick<Page, 'body'>): { readonly wait?: string; readonly url?: string } {
  const [, wait, url] =
    /<noscript><meta http-equiv="refresh" content="(\d+); url=([^"]*)"><\/noscript>/.exec(body) ?? []
  return wait === undefined || url === undefined ? {} : { wait, url: unescapeHtml(url) }
}
