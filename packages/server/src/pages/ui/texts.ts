/**
 * Chooses the language of a page: the one that the client requests (`ui_locales`, OpenID Connect Core 1.0 §3.1.2.1),
 * otherwise the user's choice on a page, otherwise the browser's preference (RFC 9110 §12.5.4). A choice on a page
 * overrides the request of that client.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import { english, findLanguage, type Language, languages } from './languages.ts'

export type { Texts } from './translation.ts'

/** Stores the chosen language in the browser. */
export type ChosenLanguage = {
  readonly read: (request: HttpRequest) => string | undefined
  /** Returns the `Set-Cookie` value. */
  readonly write: (value: string) => string
}

type LanguageChoice = {
  readonly language: Language
  /** Set if the user has just chosen it. */
  readonly cookie?: string
}

export type ChooseLanguage = (request: HttpRequest, uiLocales?: readonly string[]) => LanguageChoice

/** The query parameter that requests a page in another language. */
const parameter = 'lang'

export const createLanguageChoice =
  (chosen: ChosenLanguage): ChooseLanguage =>
  (request, uiLocales = []) => {
    const now = languages.find(({ tag }) => tag === new URLSearchParams(request.query).get(parameter))
    const asked = uiLocales.join(' ').slice(0, 100)
    if (now) return { language: now, cookie: chosen.write(`${now.tag} ${asked}`.trim()) }
    const [kept = '', ...overruled] = (chosen.read(request) ?? '').split(' ')
    const ranges = asked === overruled.join(' ') ? [kept, ...uiLocales] : [...uiLocales, kept]
    return { language: firstOf(ranges) ?? firstOf(accepted(request)) ?? english }
  }

const firstOf = (ranges: readonly string[]): Language | undefined => {
  for (const range of ranges.slice(0, 20)) {
    const language = range === '' ? undefined : findLanguage(range)
    if (language) return language
  }
  return undefined
}

/** Returns the ranges of `accept-language`, the most preferred first, without those with `q=0`. */
function accepted({ headers }: HttpRequest): readonly string[] {
  const ranges = (headers['accept-language'] ?? '').slice(0, 300).split(',')
  return ranges
    .map(entry => {
      const [range = '', ...parameters] = entry.split(';').map(part => part.trim())
      const q = parameters.find(part => /^q=/i.test(part))
      return { range, weight: q === undefined ? 1 : Number(q.slice(2)) }
    })
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight)
    .map(({ range }) => range)
}

type LanguageLink = {
  readonly tag: string
  readonly name: string
  readonly href: string
  readonly current: boolean
}

const longestQuery = 4000

/**
 * Returns links to the same page in each language. After a form post they lead to the form's action. A page that can't be
 * requested again (by GET, within the length limit) has no links.
 */
export function languageLinks(
  { method, path, query }: HttpRequest,
  current: Language,
  form?: { readonly action: string; readonly continue?: string },
): readonly LanguageLink[] {
  const parameters = new URLSearchParams(method === 'POST' ? '' : query)
  if (method === 'POST') {
    if (!form) return []
    if (form.continue !== undefined) parameters.set('continue', form.continue)
  }
  if (parameters.toString().length > longestQuery) return []
  const base = method === 'POST' ? form?.action : ownPath(path)
  return languages.map(language => {
    parameters.set(parameter, language.tag)
    const href = `${base}?${parameters}`
    return { tag: language.tag, name: language.name, href, current: language === current }
  })
}

/**
 * Browsers parse `//host/` and `/\\host/` as URLs of another host (URL Standard §4.4); a link with only a query stays
 * on this host.
 */
const ownPath = (path: string): string => (/^\/[/\\]/.test(path) ? '' : path)
