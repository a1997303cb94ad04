/**
 * node-oidc-provider: the module with the configuration of the `Provider`. It is executed. Functions have no counterpart
 * in a file; the report names the hook or key that replaces each. See docs/guides/from-oidc-provider.md.
 */

import { carry, filledText } from './convert.ts'
import type { Draft } from './draft.ts'
import type { Importer } from './migrate.ts'
import { readClients } from './oidc-provider/clients.ts'
import { readFeatures } from './oidc-provider/features.ts'
import { reasons } from './oidc-provider/reasons.ts'
import { readClaims, readScopes } from './oidc-provider/scopes.ts'
import { readLifetimes } from './oidc-provider/ttl.ts'
import type { Source } from './source.ts'

export const oidcProvider: Importer = {
  acceptsModules: true,
  read(sources, draft) {
    for (const source of sources) {
      const inner = source.member('configuration')
      if (inner.exists) carry(source.member('issuer'), draft.server, 'issuer', filledText)
      readConfiguration(inner.exists ? inner : source, draft)
    }
  },
}

function readConfiguration(source: Source, draft: Draft): void {
  readClaims(source.member('claims'), draft)
  const defaults = readLifetimes(source, draft)
  readFeatures(source.member('features'), draft)
  readScopes(source.member('scopes'), draft)
  readClients(source, draft, defaults)
  readCookies(source.member('cookies'), draft)
  for (const [name, [outcome, why]] of Object.entries(reasons)) {
    const member = source.member(name)
    if (outcome === 'not_needed') member.notNeeded(why)
    else member.notPossible(why)
  }
}

const ownCookies = 'cookies of this server have their own names, attributes and keys'

function readCookies(source: Source, draft: Draft): void {
  if (!source.isObject) {
    source.notNeeded(ownCookies)
    return
  }
  for (const name of ['names', 'keys', 'short']) source.member(name).notNeeded(ownCookies)
  const long = source.member('long')
  const sameSite = long.isObject ? long.member('sameSite') : undefined
  if (sameSite?.whole() !== 'none') {
    long.notNeeded(ownCookies)
    return
  }
  sameSite.carriedOver(['sessions', 'same_site'])
  draft.server.set('sessions', { ...(draft.server.value.sessions as object), same_site: 'none' })
  for (const name of ['httpOnly', 'signed', 'overwrite', 'secure', 'maxAge', 'path', 'domain'])
    long.member(name).notNeeded(ownCookies)
}
