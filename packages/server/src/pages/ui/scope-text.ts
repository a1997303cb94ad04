/** Scopes in a page's language: the operator's words, else ours for a standard scope, else the scope's name. */

import type { LocalText } from '../../model/resource.ts'
import { nearestKey } from './languages.ts'
import type { Texts } from './texts.ts'

/** A scope, in the words that the operator has for it. */
export type ScopeLine = {
  readonly name: string
  readonly display_name?: LocalText
  readonly description?: LocalText
  /** It can't be unticked. */
  readonly required: boolean
  readonly emphasize: boolean
}

export type ScopeView = Pick<ScopeLine, 'name' | 'required' | 'emphasize'> & {
  readonly text: string
  readonly description?: string
}

export function scopeView(scope: ScopeLine, texts: Texts): ScopeView {
  const { name, required, emphasize, display_name, description } = scope
  const more = description === undefined ? undefined : localText(description, texts.lang)
  return {
    ...{ name, required, emphasize },
    text: scopeText({ name, display_name }, texts),
    ...(more !== undefined && { description: more }),
  }
}

export const scopeText = (
  { name, display_name }: { readonly name: string; readonly display_name?: LocalText | undefined },
  texts: Texts,
): string =>
  (display_name === undefined ? undefined : localText(display_name, texts.lang)) ?? texts.scopes[name] ?? name

/** In the language asked for, else in English, else in the first that there is. */
function localText(text: LocalText, tag: string): string | undefined {
  if (typeof text === 'string') return text
  const keys = Object.keys(text)
  const key = nearestKey(keys, tag) ?? nearestKey(keys, 'en') ?? keys[0]
  return key === undefined ? undefined : text[key]
}
