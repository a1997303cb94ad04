/** How a page comes to be: texts in the user's language, a template, the answer with its headers. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type PageOptions, pageResponse } from './page.ts'
import type { Render, TemplateName } from './templates.ts'
import { type ChooseLanguage, languageLinks, type Texts } from './texts.ts'

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
  /** Whether the page loads our script file. */
  readonly withScript?: boolean
  /** Of the account pages. */
  readonly navigation?: readonly NavigationLink[]
}

export type Page<Data> = (request: HttpRequest, data: Data, context?: PageContext) => Promise<HttpResponse>

/** What a template is given beside the texts. */
type Shown = { readonly title: string; readonly form?: PageForm; readonly [name: string]: unknown }

export type Show = (
  request: HttpRequest,
  template: TemplateName,
  context: PageContext,
  data: (texts: Texts) => Shown,
) => Promise<HttpResponse>

export type ShowPorts = {
  readonly render: Render
  readonly stylesheet: string
  /** Our script file. */
  readonly script: string
  readonly chooseLanguage: ChooseLanguage
}

export const createShow =
  ({ render, stylesheet, script, chooseLanguage }: ShowPorts): Show =>
  async (request, template, { ui_locales, navigation, withScript = false, ...options }, data) => {
    const { language, cookie } = chooseLanguage(request, ui_locales)
    const texts = await language.load()
    const shown = data(texts)
    // The form-post page leads on by itself and holds an answer that is not given twice.
    const links = template === 'form-post' ? [] : languageLinks(request, language, shown.form)
    const scriptFile = withScript ? script : undefined
    const html = await render(template, {
      texts,
      stylesheet,
      scriptFile,
      navigation,
      languages: links,
      ...shown,
    })
    return pageResponse(html, {
      ...options,
      scriptFile: withScript,
      cookies: [...(options.cookies ?? []), cookie],
    })
  }
