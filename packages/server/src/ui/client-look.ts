/** A client as the pages that lead to it show it, in the language of the page (RFC 7591 §2.2). */

import type { DescribingName, Localized } from '../core/client-languages.ts'
import type { Color } from '../core/color.ts'
import { nearestKey } from './languages.ts'

export type ClientLook = { readonly [Name in DescribingName]?: string } & {
  readonly client_id: string
  readonly localized?: Localized
  readonly accent_color?: Color
}

export type ClientShown = {
  readonly name: string
  readonly logo?: string
  readonly home?: string
  readonly policy?: string
  readonly terms?: string
}

export function clientShown(client: ClientLook, language: string): ClientShown {
  const said = (name: DescribingName): string | undefined => {
    const translated = client.localized?.[name] ?? {}
    const key = nearestKey(Object.keys(translated), language)
    return key === undefined ? client[name] : translated[key]
  }
  const [logo, home, policy, terms] = [
    said('logo_uri'),
    said('client_uri'),
    said('policy_uri'),
    said('tos_uri'),
  ]
  return {
    name: said('client_name') ?? client.client_id,
    ...(logo !== undefined && { logo }),
    ...(home !== undefined && { home }),
    ...(policy !== undefined && { policy }),
    ...(terms !== undefined && { terms }),
  }
}
