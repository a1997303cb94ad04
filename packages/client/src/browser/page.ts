/** The parts of a web page that this library uses. They are looked up when a function is called, never on import. */

type PageLocation = {
  readonly href: string
  readonly origin: string
  readonly assign: (url: string) => void
  readonly replace: (url: string) => void
}

export type MessageEvent = { readonly origin: string; readonly source: unknown; readonly data: unknown }

export type Popup = {
  readonly closed: boolean
  readonly location: Pick<PageLocation, 'replace'>
  readonly close: () => void
}

type Channel = {
  readonly postMessage: (message: unknown) => void
  readonly close: () => void
  onmessage: ((event: MessageEvent) => void) | null
}

export type Page = {
  readonly location: PageLocation
  readonly history: {
    readonly state: unknown
    readonly replaceState: (state: unknown, unused: '', url: string) => void
  }
  readonly sessionStorage: PageStorage
  readonly opener: { readonly postMessage: (message: unknown, origin: string) => void } | null
  readonly open: (url: string, target: string, features: string) => Popup | null
  readonly close: () => void
  readonly addEventListener: (type: 'message', listener: (event: MessageEvent) => void) => void
  readonly removeEventListener: (type: 'message', listener: (event: MessageEvent) => void) => void
  readonly BroadcastChannel: new (name: string) => Channel
}

type PageStorage = {
  readonly length: number
  readonly key: (index: number) => string | null
  readonly getItem: (key: string) => string | null
  readonly setItem: (key: string, value: string) => void
  readonly removeItem: (key: string) => void
}

/**
 * Returns the global object of the page.
 * @throws TypeError on a server, where frameworks that render pages may run the same modules.
 */
export function page(): Page {
  if (!('location' in globalThis))
    throw new TypeError('there is no page: call this function in the browser, not where pages are rendered')
  return globalThis as unknown as Page
}
