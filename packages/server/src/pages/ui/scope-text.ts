/**
 * Texts of scopes in the page's language: the operator's text, otherwise ours for a standard scope, otherwise the
 * scope's name.
 */

import type { LocalText } from '../../model/resource.ts'
import { nearestKey } from './languages.ts'
import type { Texts } from './texts.ts'

/** A scope with the operator's texts. */
export type ScopeLine = {
  readonly name: string
  readonly display_name?: LocalText
  readonly description?: LocalText
  /** Whether the user can't clear its checkbox. */
  readonly required: boolean
  readonly emphasize: boolean
}

type ScopeView = Pick<ScopeLine, 'name' | 'required' | 'emphasize'> & {
  readonly text: string
  readonly description?: string
}

export function scopeView(scope: ScopeLine, texts: Texts): ScopeView {
  const { name, required, emphasize, display_name, description } = scope
  const more = description === undefined ? undefined : localText(description, texts.lang)
  return {
    name,
    required,
    emphasize,
    text: scopeText({ name, display_name }, texts),
    description: more,
  }
}

export const scopeText = (
  { name, display_name }: { readonly name: string; readonly display_name?: LocalText | undefined },
  texts: Texts,
): string =>
  (display_name === undefined ? undefined : localText(display_name, texts.lang)) ?? texts.scopes[name] ?? name

/** Returns the text in the page's language, otherwise in English, otherwise in the first language. */
function localText(text: LocalText, tag: string): string | undefined {
  if (typeof text === 'string') return text
  const keys = Object.keys(text)
  const key = nearestKey(keys, tag) ?? nearestKey(keys, 'en') ?? keys[0]
  return key === undefined ? undefined : text[key]
}
