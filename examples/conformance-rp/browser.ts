/** A browser without a screen: it follows redirects, forwards fragments, and submits forms as their pages would. */

import type { Fetch } from '@tessera/client'
import type { App } from './app.ts'

export type Browser = {
  readonly app: App
  /** The URL of the app. Requests to it do not use the network. */
  readonly baseUrl: string
  readonly fetch: Fetch
  /** Receives a line for each request, without its parameters. */
  readonly log: (line: string) => void
}

/** Enough for the authorization endpoint, the redirect URI and one redirect more. */
const maxRequests = 10

/** Opens a path of the app, and returns the first response that leads nowhere else. */
export async function openPath(browser: Browser, path: string): Promise<Response> {
  let request = new Request(browser.baseUrl + path)
  let cookie = ''
  for (let count = 0; count < maxRequests; count++) {
    const response = await send(browser, request, cookie)
    const { href } = withoutParameters(request.url)
    browser.log(`browser ${request.method} ${href} ${response.status}`)
    if (isOwn(browser, request.url)) cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    const next = await nextRequest(browser, request, response)
    if (!next) return response
    request = next
  }
  throw new Error(`the browser was redirected ${maxRequests} times`)
}

const isOwn = ({ baseUrl }: Browser, url: string): boolean => url.startsWith(`${baseUrl}/`)

async function send(browser: Browser, request: Request, cookie: string): Promise<Response> {
  const { method, url, headers } = request
  const { href } = withoutFragment(url)
  const body = method === 'POST' ? await request.clone().text() : undefined
  if (!isOwn(browser, url)) return browser.fetch(href, { method, headers, body, redirect: 'manual' })
  return browser.app(new Request(href, { method, headers: { ...Object.fromEntries(headers), cookie }, body }))
}

async function nextRequest(
  browser: Browser,
  { url }: Request,
  response: Response,
): Promise<Request | undefined> {
  const location = response.headers.get('location')
  if (response.status >= 300 && location) return new Request(new URL(location, url))
  if (!response.headers.get('content-type')?.includes('text/html')) return undefined
  const html = await response.clone().text()
  const { hash } = new URL(url)
  // The page of the app sends the parameters of the fragment in a form.
  if (isOwn(browser, url) && hash && html.includes('location.hash'))
    return post(withoutParameters(url), new URLSearchParams(hash.slice(1)))
  const [form] = tagsOf(html, 'form')
  if (form?.method?.toLowerCase() !== 'post') return undefined
  const inputs = tagsOf(html, 'input').flatMap(({ name, value = '' }) => (name ? [[name, value]] : []))
  return post(new URL(form.action ?? '', url), new URLSearchParams(inputs))
}

const post = (url: URL, body: URLSearchParams): Request => new Request(url, { method: 'POST', body })

/** Returns the attributes of each tag of a name. This is enough for pages that a template creates. */
function tagsOf(html: string, name: string): readonly Readonly<Record<string, string>>[] {
  return [...html.matchAll(new RegExp(`<${name}\\b([^>]*)>`, 'gi'))].map(([, attributes = '']) =>
    Object.fromEntries(
      [...attributes.matchAll(/([\w-]+)\s*=\s*"([^"]*)"/g)].map(([, key = '', text = '']) => [
        key.toLowerCase(),
        decodeEntities(text),
      ]),
    ),
  )
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const decodeEntities = (text: string): string =>
  text.replaceAll(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) =>
    name ? (entities[name] ?? whole) : String.fromCodePoint(Number.parseInt(hex ?? decimal, hex ? 16 : 10)),
  )

function withoutFragment(text: string): URL {
  const url = new URL(text)
  url.hash = ''
  return url
}

/** Parameters contain codes and tokens, which do not belong in a log. */
function withoutParameters(text: string): URL {
  const url = withoutFragment(text)
  url.search = ''
  return url
}
