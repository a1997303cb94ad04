/** The languages of the pages, each loaded when it is first asked for (BCP 47; lookup by language and script, RFC 4647 §3.4). */

import { en } from './locales/en.ts'
import type { Texts, Translation } from './translation.ts'

export type Language = {
  /** As pages are labelled. */
  readonly tag: string
  /** As its speakers call it. */
  readonly name: string
  readonly load: () => Promise<Texts>
}

const language = (tag: string, name: string, load: () => Promise<Translation>): Language => {
  let loaded: Promise<Texts> | undefined
  return { tag, name, load: () => (loaded ??= load().then(texts => isolating(overlay(en, texts)))) }
}

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

/** The language that a range asks for: `pt-BR` is Portuguese, `zh-CN` is written in `Hans`, `zh-TW` is not. */
export function findLanguage(range: string): Language | undefined {
  const asked = localeOf(range)
  return asked && languages.find(({ tag }) => sameWriting(localeOf(tag), asked))
}

/** The first of these keys of a text in several languages that a page's language is written as; undefined: none. */
export const nearestKey = (keys: readonly string[], tag: string): string | undefined => {
  const asked = localeOf(tag)
  return keys.find(key => key === tag) ?? keys.find(key => asked && sameWriting(localeOf(key), asked))
}

const longest = 35

function localeOf(tag: string): Intl.Locale | undefined {
  if (tag.length > longest) return undefined
  try {
    return new Intl.Locale(tag).maximize()
  } catch {
    return undefined
  }
}

const sameWriting = (one: Intl.Locale | undefined, other: Intl.Locale): boolean =>
  one?.language === other.language && one.script === other.script

/**
 * What is told within a text keeps to itself, so that a name in the other direction turns nothing around it (Unicode
 * UAX #9 §2.7). Where both run from left to right there is nothing to keep apart.
 */
function isolating<Part extends object>(texts: Part, dir = (texts as { dir?: string }).dir): Part {
  const isolate = (told: unknown): unknown =>
    typeof told === 'string' && (dir === 'rtl' || rightToLeft.test(told)) ? `\u2068${told}\u2069` : told
  const entries = Object.entries(texts).map(([key, text]) => {
    if (typeof text === 'function') return [key, (...told: unknown[]) => text(...told.map(isolate))]
    return [key, typeof text === 'object' && text !== null ? isolating(text, dir) : text]
  })
  return Object.fromEntries(entries) as Part
}

const rightToLeft = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

/** English where the translation is silent. */
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
