/** The language of a page: the first that the client (`ui_locales`) or the browser (`accept-language`) asks for and we have. */

import type { HttpRequest } from '@tessera/protocol/http'
import { en, type Texts } from './locales/en.ts'

export type { Texts }

const languages: readonly Texts[] = [en]

export function chooseTexts(request: HttpRequest, uiLocales: readonly string[] = []): Texts {
  const accepted = (request.headers['accept-language'] ?? '').slice(0, 200).split(',')
  const asked = [...uiLocales, ...accepted.map(range => range.split(';')[0] ?? '')]
  for (const tag of asked) {
    const language = tag.trim().toLowerCase().split('-')[0]
    const texts = languages.find(({ lang }) => lang === language)
    if (texts) return texts
  }
  return en
}
