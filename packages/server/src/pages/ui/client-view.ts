/** The view model of a client, in the language of the page (RFC 7591 §2.2). */

import type { DocumentOrigin } from '../../model/client-document.ts'
import type { DescribingName, Localized } from '../../model/client-languages.ts'
import type { Color } from '../../model/color.ts'
import { displayedId } from '../../model/sealed-client.ts'
import { nearestKey } from './languages.ts'
import type { Texts } from './texts.ts'

export type PageClient = { readonly [Name in DescribingName]?: string } & {
  readonly client_id: string
  readonly localized?: Localized
  readonly accent_color?: Color
  /** For a self-registered client: whether it is trusted. */
  readonly registered?: { readonly trusted: boolean; readonly document?: DocumentOrigin }
}

export type ClientView = {
  readonly name: string
  readonly logo?: string
  readonly home?: string
  readonly policy?: string
  readonly terms?: string
  readonly trusted: boolean
  /** The host of a client that publishes its metadata. */
  readonly document?: DocumentOrigin
}

/**
 * Returns the name for users. A document can claim any name, so the name never appears without the host.
 */
export const shownName = (
  name: string | undefined,
  { client_id, registered }: Pick<PageClient, 'client_id' | 'registered'>,
): string => {
  const document = registered?.document
  if (document === undefined) return name ?? displayedId(client_id)
  return name === undefined ? document.host : `${name} (${document.host})`
}

export function clientView(client: PageClient, language: string): ClientView {
  const textOf = (name: DescribingName): string | undefined => {
    const translated = client.localized?.[name] ?? {}
    const key = nearestKey(Object.keys(translated), language)
    return key === undefined ? client[name] : translated[key]
  }
  const [logo, home, policy, terms] = [
    textOf('logo_uri'),
    textOf('client_uri'),
    textOf('policy_uri'),
    textOf('tos_uri'),
  ]
  const trusted = client.registered?.trusted ?? true
  return {
    name: shownName(textOf('client_name'), client),
    // A browser would load it before the user decides, from any host, and show it beside the password field.
    ...(trusted && { logo }),
    home,
    policy,
    terms,
    trusted,
    document: client.registered?.document,
  }
}

type ClientLink = { readonly href: string; readonly text: string }

/**
 * Returns the links to the client's own pages (OpenID Connect Dynamic Client Registration 1.0 §2), if they are web
 * URLs. Anyone can register a URL, so the links of an untrusted client show the host, in its ASCII form, which can't be
 * confused with another host.
 */
export function clientLinks(
  { name, policy, terms, trusted }: ClientView,
  texts: Pick<Texts['consent'], 'policy' | 'terms'>,
): readonly ClientLink[] {
  const link = (href: string | undefined, text: string): readonly ClientLink[] => {
    const url = href === undefined ? null : URL.parse(href)
    if (!url || !/^https?:$/.test(url.protocol)) return []
    return [{ href: url.href, text: trusted ? text : `${text} (${url.host})` }]
  }
  return [...link(policy, texts.policy(name)), ...link(terms, texts.terms(name))]
}
