/** A person without a browser: follows redirects, keeps cookies, fills in forms. For foreign clients' flows over real HTTP. */

export type Person = {
  /** Opens an address and signs in where asked; answers where the server finally sends the browser on to `until`. */
  readonly authorize: (
    url: string,
    until: string,
    credentials: { username: string; password: string },
  ) => Promise<URL>
  readonly get: (url: string) => Promise<Page>
  readonly submit: (page: Page, fields: Readonly<Record<string, string>>) => Promise<Page>
}

export type Page = {
  readonly url: string
  readonly status: number
  readonly html: string
  readonly leftFor?: URL
}

export function createPerson(origin: string): Person {
  const cookies = new Map<string, string>()

  const request = async (url: string, init: RequestInit = {}): Promise<Page> => {
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: {
        ...init.headers,
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) return { url, status: response.status, html: await response.text() }
    const next = new URL(location, url)
    return next.origin === origin
      ? request(next.href)
      : { url, status: response.status, html: '', leftFor: next }
  }

  const submit: Person['submit'] = (page, fields) => {
    const action = attribute(/<form\b[^>]*/.exec(page.html)?.[0] ?? '', 'action')
    const hidden = [...page.html.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)].map(
      ([tag]) => [attribute(tag, 'name'), attribute(tag, 'value')] as [string, string],
    )
    return request(new URL(action, page.url).href, {
      method: 'POST',
      body: new URLSearchParams([...hidden, ...Object.entries(fields)]),
    })
  }

  return {
    get: url => request(url),
    submit,
    async authorize(url, until, credentials) {
      let page = await request(url)
      if (page.html.includes('name="password"'))
        page = await submit(page, { ...credentials, button: 'login' })
      if (page.html.includes('value="yes"')) page = await submit(page, { button: 'yes' })
      if (!page.leftFor?.href.startsWith(until))
        throw new Error(`stayed at ${page.url} (${page.status}): ${page.html}`)
      return page.leftFor
    },
  }
}

const attribute = (tag: string, name: string): string =>
  decodeEntities(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '')

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
const decodeEntities = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name]!)
