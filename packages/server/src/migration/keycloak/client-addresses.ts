/** Redirect URIs, origins and pages of a client. Keycloak resolves paths with `rootUrl` and accepts wildcards. */

import { redirectUriProblem } from '@tessera/protocol/redirect-uri'
import type { Target } from '../draft.ts'
import { elements } from '../outcomes.ts'
import type { Source } from '../source.ts'

/** Returns whether the client has an exact redirect URI. */
export function readAddresses(source: Source, attributes: Source, target: Target): boolean {
  const rootUrl = source.member('rootUrl')
  const root = rootUrl.text() ?? ''
  rootUrl.notNeeded('paths are written as whole addresses')
  const redirects = source.member('redirectUris')
  const uris: string[] = []
  for (const element of elements(redirects))
    addAddress(element, element.text(), { root, uris, target, key: 'redirect_uris' })
  if (uris.length > 0) target.set('redirect_uris', uris)
  readLogoutAddresses(attributes, target, { root, uris })
  readOrigins(source.member('webOrigins'), target, uris)
  readHome(source.member('baseUrl'), target, root)
  return uris.length > 0
}

type Adding = {
  readonly root: string
  readonly uris: string[]
  readonly target: Target
  readonly key: 'redirect_uris' | 'post_logout_redirect_uris'
}

/** Adds an address; one with a wildcard without it, because addresses are compared exactly. */
function addAddress(source: Source, written: string | undefined, { root, uris, target, key }: Adding): void {
  if (written === undefined) return
  const whole = written.startsWith('/') ? `${root.replace(/\/+$/, '')}${written}` : written
  const exact = whole.replace(/\*$/, '')
  if (exact === '' || exact.includes('*') || !/^[a-z][a-z\d+.-]*:./i.test(exact)) {
    source.notPossible('it allows any address; write the exact addresses that the client uses')
    return
  }
  const problem = redirectUriProblem(exact)
  if (problem !== undefined) {
    source.notPossible(problem)
    return
  }
  if (uris.includes(exact)) {
    source.notNeeded('it is in the list already')
    return
  }
  const place = target.at(key, uris.length)
  if (exact !== whole)
    source.changed('addresses are compared exactly: replace it by those that the client uses', place)
  else if (whole !== written) source.changed('the path is a whole address', place)
  else source.carriedOver(place)
  uris.push(exact)
}

function readLogoutAddresses(
  attributes: Source,
  target: Target,
  { root, uris }: { readonly root: string; readonly uris: readonly string[] },
): void {
  if (!attributes.exists) return
  const source = attributes.member('post.logout.redirect.uris')
  const text = source.text()
  if (text === undefined) return
  const addresses: string[] = []
  const problems: string[] = []
  for (const part of text.split('##').filter(one => one !== '' && one !== '-'))
    if (part === '+') addresses.push(...uris)
    else {
      const whole = part.startsWith('/') ? `${root.replace(/\/+$/, '')}${part}` : part
      if (whole.includes('*')) problems.push(whole)
      const exact = whole.replace(/\*$/, '')
      if (redirectUriProblem(exact) === undefined) addresses.push(exact)
    }
  const unique = [...new Set(addresses)]
  if (unique.length === 0) {
    source.notNeeded('it contains no exact address')
    return
  }
  target.set('post_logout_redirect_uris', unique)
  const place = target.at('post_logout_redirect_uris')
  if (problems.length > 0)
    source.changed(
      'addresses are compared exactly: replace those that ended in * by those that the client uses',
      place,
    )
  else if (text.includes('##') || text === '+') source.changed('each address is an entry', place)
  else source.carriedOver(place)
}

function readOrigins(source: Source, target: Target, uris: readonly string[]): void {
  const origins: string[] = []
  for (const element of elements(source)) {
    const text = element.text()
    if (text === undefined) continue
    if (text === '*') {
      element.notPossible('it allows any origin; write the origins of the pages that call this server')
      continue
    }
    const found = text === '+' ? uris.flatMap(originOf) : [text.replace(/\/$/, '')]
    const fresh = [...new Set(found)].filter(origin => !origins.includes(origin))
    if (fresh.length === 0) {
      element.notNeeded('it is in the list already, or there is none')
      continue
    }
    const place = target.at('allowed_cors_origins', origins.length)
    if (text === '+') element.changed('it means the origins of the redirect URIs', place)
    else element.carriedOver(place)
    origins.push(...fresh)
  }
  if (origins.length > 0) target.set('allowed_cors_origins', origins)
}

const originOf = (uri: string): readonly string[] => {
  const url = URL.parse(uri)
  return url && /^https?:$/.test(url.protocol) ? [url.origin] : []
}

function readHome(source: Source, target: Target, root: string): void {
  const text = source.text()
  if (text === undefined) return
  if (text === '' || text.startsWith('${') || root.startsWith('${')) {
    source.notNeeded('it is empty, or an address of Keycloak')
    return
  }
  target.set('client_uri', text.startsWith('/') ? `${root.replace(/\/+$/, '')}${text}` : text)
  if (text.startsWith('/')) source.changed('the path is a whole address', target.at('client_uri'))
  else source.carriedOver(target.at('client_uri'))
}
