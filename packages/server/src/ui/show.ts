/** How a page comes to be: texts in the user's language, a template, the answer with its headers. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type PageOptions, pageResponse } from './page.ts'
import type { Render, TemplateName } from './templates.ts'
import { chooseTexts, type Texts } from './texts.ts'

/** A form of ours: where it is posted and what it carries unseen. */
export type PageForm = { readonly action: string; readonly continue?: string; readonly csrf: string }

/** A link to a section of the account pages. */
export type NavigationLink = {
  readonly section: keyof Texts['account']['sections']
  readonly href: string
  readonly current: boolean
}

export type PageContext = PageOptions & {
  readonly ui_locales?: readonly string[]
  /** Of the account pages. */
  readonly navigation?: readonly NavigationLink[]
}

export type Page<Data> = (request: HttpRequest, data: Data, context?: PageContext) => Promise<HttpResponse>

export type Show = (
  request: HttpRequest,
  template: TemplateName,
  context: PageContext,
  data: (texts: Texts) => { readonly title: string; readonly [name: string]: unknown },
) => Promise<HttpResponse>

export const createShow =
  ({ render, stylesheet }: { render: Render; stylesheet: string }): Show =>
  async (request, template, { ui_locales, navigation, ...options }, data) => {
    const texts = chooseTexts(request, ui_locales)
    return pageResponse(await render(template, { texts, stylesheet, navigation, ...data(texts) }), options)
  }
