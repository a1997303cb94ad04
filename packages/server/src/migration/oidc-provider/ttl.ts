/** `ttl` and `rotateRefreshToken`: lifetimes, which clients have here. */

import type { Draft } from '../draft.ts'
import type { Source } from '../source.ts'

/** Keys of all clients. */
export type ClientDefaults = Readonly<Record<string, unknown>>

/** Kind of token → key of clients. */
const lifetimes: Readonly<Record<string, string>> = {
  AccessToken: 'access_token_lifetime',
  AuthorizationCode: 'authorization_code_lifetime',
  IdToken: 'identity_token_lifetime',
  DeviceCode: 'device_code_lifetime',
  RefreshToken: 'sliding_refresh_token_lifetime',
  Grant: 'absolute_refresh_token_lifetime',
}

export function readLifetimes(source: Source, draft: Draft): ClientDefaults {
  const defaults: Record<string, unknown> = {}
  const ttl = source.member('ttl')
  if (ttl.exists)
    for (const [kind, key] of Object.entries(lifetimes)) {
      const value = lifetimeOf(ttl.member(kind), key)
      if (value !== undefined) defaults[key] = value
    }
  if (defaults.sliding_refresh_token_lifetime !== undefined) {
    defaults.refresh_token_expiration = 'sliding'
    defaults.absolute_refresh_token_lifetime ??= 0
  }
  if (ttl.isObject) readOther(ttl, draft)
  const rotate = source.member('rotateRefreshToken')
  if (rotate.whole() === false) {
    rotate.changed(
      'public clients have one_time tokens anyway (RFC 9700 §4.14.2)',
      clientsAt('refresh_token_usage'),
    )
    defaults.refresh_token_usage = 'reuse'
  } else if (rotate.whole() === true) rotate.carriedOver(clientsAt('refresh_token_usage'))
  else rotate.notPossible('set refresh_token_usage of each client: one_time (the default here) or reuse')
  return defaults
}

/** A key that every client gets. */
export const clientsAt = (key: string) => ['clients', '*', key]

function lifetimeOf(source: Source, key: string): number | undefined {
  if (typeof source.whole() === 'function') {
    source.notPossible(`write ${key} of each client`)
    return
  }
  const value = source.integer()
  if (value !== undefined) source.carriedOver(clientsAt(key))
  return value
}

/** Longer than any session lasts by default. */
const defaultAbsolute = 36_000

function readOther(ttl: Source, draft: Draft): void {
  ttl.member('Interaction').notNeeded('pages have their own lifetimes')
  ttl.member('BackchannelAuthenticationRequest').notNeeded('CIBA is not supported')
  ttl.member('PreAuthorizedCode').notNeeded('OpenID4VCI is not supported')
  ttl.member('ReplayDetection').notNeeded('a used id is kept as long as it is valid')
  const credentials = ttl.member('ClientCredentials')
  credentials.notPossible('write access_token_lifetime of the clients with client_credentials')
  const session = ttl.member('Session')
  if (typeof session.whole() === 'function') {
    session.notPossible('write sessions.idle_lifetime')
    return
  }
  const value = session.integer()
  if (value === undefined) return
  // A session lasts this long after its last use.
  session.carriedOver(['sessions', 'idle_lifetime'])
  draft.server.set('sessions', { idle_lifetime: value, absolute_lifetime: Math.max(value, defaultAbsolute) })
}
