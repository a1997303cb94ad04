/** Renders a page: texts in the user's language, a template, and the response with its headers. */

import type { Display } from '@tessera/protocol/display'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type ClientView, clientView, type PageClient } from './client-view.ts'
import { type PageOptions, pageResponse } from './page-response.ts'
import type { Render } from './templates.ts'
import { type ChooseLanguage, languageLinks, type Texts } from './texts.ts'
import type { PageTheme } from './theme.ts'

/** One of our forms: its action and hidden fields. */
export type PageForm = { readonly action: string; readonly continue?: string; readonly csrf: string }

/** A link to a section of the account pages. */
export type NavigationLink = {
  readonly section: keyof Texts['account']['sections']
  readonly href: string
  readonly current: boolean
}

type AccountFrame = {
  /** The signed-in user. */
  readonly user: string
  readonly sections: readonly NavigationLink[]
  readonly signOut: PageForm
}

export type PageContext = PageOptions & {
  readonly ui_locales?: readonly string[]
  /** Whether the page loads our script file. */
  readonly withScript?: boolean
  /** The client that requested the page, and the kind of window that it shows the page in. */
  readonly client?: PageClient
  readonly display?: Display
  /** The frame of the account pages. */
  readonly account?: AccountFrame
}

export type Page<Data> = (request: HttpRequest, data: Data, context?: PageContext) => Promise<HttpResponse>

/** Data for a template, besides the texts. */
type TemplateData = {
  readonly title: string
  readonly form?: PageForm
  /** Whether the page continues automatically; the default depends on the template. */
  readonly passes?: boolean
  readonly [name: string]: unknown
}

export type Show = (
  request: HttpRequest,
  template: string,
  context: PageContext,
  data: (texts: Texts, client: ClientView | undefined) => TemplateData,
) => Promise<HttpResponse>

export type ShowPorts = {
  readonly render: Render
  readonly theme: PageTheme
  /** Our script file. */
  readonly script: string
  readonly chooseLanguage: ChooseLanguage
}

export const createShow =
  ({ render, theme, script, chooseLanguage }: ShowPorts): Show =>
  async (
    request,
    template,
    { ui_locales, account, client, display = 'page', withScript = false, ...options },
    data,
  ) => {
    const { language, cookie } = chooseLanguage(request, ui_locales)
    const texts = await language.load()
    const view = client && clientView(client, texts.lang)
    const shown = data(texts, view)
    const html = await render(template, {
      page: template,
      texts,
      look: { ...theme, name: theme.name ?? texts.name },
      stylesheet: theme.stylesheet(client?.accent_color),
      scriptFile: withScript ? script : undefined,
      account,
      navigation: account?.sections,
      client: view?.name,
      clientLogo: picture(view?.logo),
      display,
      languages: (shown.passes ?? passing.has(template)) ? [] : languageLinks(request, language, shown.form),
      ...shown,
    })
    return pageResponse(html, {
      ...options,
      // Sign-in pages may be in a client's popup, which needs its opener. Account pages are not.
      headers: { ...options.headers, ...(account && { 'cross-origin-opener-policy': 'same-origin' }) },
      scriptFile: withScript,
      cookies: [...(options.cookies ?? []), cookie],
      pictures: [picture(theme.logo), picture(view?.logo)].filter(one => one !== undefined),
    })
  }

/** Pages that continue automatically, or that show something only once. */
const passing: ReadonlySet<string> = new Set(['form-post', 'leaving', 'signed-out', 'recovery-codes'])

/** Returns the URL of an image if it is an https URL, otherwise undefined. */
const picture = (address: string | undefined): string | undefined =>
  address !== undefined && URL.canParse(address) && new URL(address).protocol === 'https:'
    ? address
    : undefined
