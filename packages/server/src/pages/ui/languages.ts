/** The languages of the pages, each loaded on first use (BCP 47; lookup by language and script, RFC 4647 §3.4). */

import { longestLanguageTag } from '../../model/language-tags.ts'
import { lazily } from '../../runtime/async/promises.ts'
import { en } from './locales/en.ts'
import type { Texts, Translation } from './translation.ts'

export type Language = {
  /** The value of `lang` in HTML. */
  readonly tag: string
  /** The language's own name. */
  readonly name: string
  readonly load: () => Promise<Texts>
}

const language = (tag: string, name: string, load: () => Promise<Translation>): Language => ({
  tag,
  name,
  load: lazily(async () => isolating(overlay(en, await load()))),
})

export const english = language('en', 'English', async () => en)

export const languages: readonly Language[] = [
  english,
  language('de', 'Deutsch', async () => (await import('./locales/de.ts')).de),
  language('fr', 'Français', async () => (await import('./locales/fr.ts')).fr),
  language('es', 'Español', async () => (await import('./locales/es.ts')).es),
  language('pt', 'Português', async () => (await import('./locales/pt.ts')).pt),
  language('zh-Hans', '简体中文', async () => (await import('./locales/zh-hans.ts')).zhHans),
  language('ja', '日本語', async () => (await import('./locales/ja.ts')).ja),
  language('ar', 'العربية', async () => (await import('./locales/ar.ts')).ar),
]

/** Returns the language for a range: `pt-BR` is Portuguese, `zh-CN` is written in `Hans`, `zh-TW` is not. */
export function findLanguage(range: string): Language | undefined {
  const asked = localeOf(range)
  return asked && languages.find(({ tag }) => sameWriting(localeOf(tag), asked))
}

/** Returns the first of these language keys that matches the page's language; undefined if none does. */
export const nearestKey = (keys: readonly string[], tag: string): string | undefined => {
  const asked = localeOf(tag)
  return keys.find(key => key === tag) ?? keys.find(key => asked && sameWriting(localeOf(key), asked))
}

function localeOf(tag: string): Intl.Locale | undefined {
  if (tag.length > longestLanguageTag) return undefined
  try {
    return new Intl.Locale(tag).maximize()
  } catch {
    return undefined
  }
}

const sameWriting = (one: Intl.Locale | undefined, other: Intl.Locale): boolean =>
  one?.language === other.language && one.script === other.script

/**
 * Isolates values inside a text, so that a name in the other direction does not reorder the text around it (Unicode UAX #9
 * §2.7). If both are left to right, nothing is isolated.
 */
function isolating<Part extends object>(texts: Part, dir = (texts as { dir?: string }).dir): Part {
  const isolate = (value: unknown): unknown =>
    typeof value === 'string' && (dir === 'rtl' || rightToLeft.test(value)) ? `\u2068${value}\u2069` : value
  const entries = Object.entries(texts).map(([key, text]) => {
    if (typeof text === 'function') return [key, (...values: unknown[]) => text(...values.map(isolate))]
    return [key, typeof text === 'object' && text !== null ? isolating(text, dir) : text]
  })
  return Object.fromEntries(entries) as Part
}

const rightToLeft = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

/** Adds English texts that are missing in the translation. */
function overlay<Part extends object>(base: Part, over: Translation<Part>): Part {
  const merged = { ...base } as Record<string, unknown>
  for (const [key, value] of Object.entries(over)) {
    const under = merged[key]
    merged[key] =
      typeof value === 'object' && value !== null && typeof under === 'object' && under !== null
        ? overlay(under, value)
        : value
  }
  return merged as Part
}
