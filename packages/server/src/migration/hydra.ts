/**
 * Ory Hydra: the output of `hydra list oauth2-clients --format json`, `GET /admin/clients`, or a single client. Members have
 * the names of RFC 7591 §2, like keys of the configuration.
 */

import { standardIdentityResources } from '../configuration/schema/resource.ts'
import { clientMetadata, plainSecret, scopeText } from './client-metadata.ts'
import { type Convert, carry, choice, filledText, flag, json, texts } from './convert.ts'
import type { Draft, Target } from './draft.ts'
import type { Importer } from './migrate.ts'
import type { Source } from './source.ts'

export const hydra: Importer = {
  read(sources, draft) {
    const scopes = new Set<string>()
    for (const source of sources) {
      const isSingle = source.isObject && source.member('client_id').exists
      const clients = isSingle ? [source] : (source.isList ? source : source.member('items')).list()
      for (const client of clients) for (const name of readClient(client, draft)) scopes.add(name)
      if (source.isList || isSingle) continue
      for (const name of ['next_page_token', 'page_token']) moreClients(source.member(name))
      source.member('is_last_page').notNeeded('it only describes the page')
    }
    for (const { name } of standardIdentityResources) scopes.delete(name)
    // Hydra has no list of scopes.
    for (const name of scopes) if (name !== 'offline_access') draft.add('api_scopes').set('name', name)
  },
}

const moreClients = (token: Source): void => {
  if (token.exists && token.text() !== '')
    token.notPossible('there are more clients: export them too, with a larger page size')
  else token.notNeeded('it is empty')
}

const metadata = { ...clientMetadata, allowed_cors_origins: texts }

const dates = 'it is only a date of the old record'
const notNeeded: Readonly<Record<string, string>> = {
  created_at: dates,
  updated_at: dates,
  client_secret_expires_at: 'Hydra does not use it',
  registration_access_token: 'clients in the configuration are changed there',
  registration_client_uri: 'clients in the configuration are changed there',
}

const notPossible: Readonly<Record<string, string>> = {
  owner: 'clients have no owner here; use contacts',
  metadata: 'clients have no other members here; use claims or user_claims, or a hook',
  skip_logout_consent: 'a sign-out with an ID token never asks here, one without always does',
}

/** Returns the scopes of the client. */
function readClient(source: Source, draft: Draft): readonly string[] {
  const target = draft.add('clients')
  for (const [name, convert] of Object.entries(metadata)) carry(source.member(name), target, name, convert)
  for (const [name, why] of Object.entries(notNeeded)) source.member(name).notNeeded(why)
  for (const [name, why] of Object.entries(notPossible)) dropFilled(source.member(name), why)
  for (const audience of source.member('audience').exists ? source.member('audience').list() : [])
    audience.notPossible(
      'add it to api_resources, with its scopes: tokens with such a scope have this audience',
    )
  carry(source.member('scope'), target, 'scope', scopes)
  const jwks = source.member('jwks')
  if (jwks.isObject && !jwks.member('keys').exists) jwks.notNeeded('it is empty')
  else carry(jwks, target, 'jwks', json)
  carry(source.member('userinfo_signed_response_alg'), target, 'userinfo_signed_response_alg', signedUserinfo)
  readConsent(source, target)
  readAuthentication(source, target, draft)
  readTokens(source, target)
  return (target.value.scope ?? []) as readonly string[]
}

function dropFilled(source: Source, why: string): void {
  const value = source.whole()
  const isEmpty = value === '' || value === false || JSON.stringify(value) === '{}'
  if (isEmpty) source.notNeeded('it is empty')
  else source.notPossible(why)
}

/** Hydra asks for consent unless a client skips it. Versions before 2.1 have no such member. */
function readConsent(source: Source, target: Target): void {
  carry(source.member('skip_consent'), target, 'require_consent', negated)
  if (target.value.require_consent !== undefined || !usesCodes(target)) return
  target.set('require_consent', true)
  source.added('Hydra asks for consent', target.at('require_consent'))
}

const negated: Convert<boolean> = (source, target) => {
  const value = flag(source, target)
  return value === undefined ? undefined : !value
}

/** "none" means plain JSON, which is the default here. */
const signedUserinfo: Convert<string> = (source, target) => {
  if (source.whole() !== 'none') return filledText(source, target)
  source.notNeeded('responses are not signed by default')
}

const scopes = scopeText({ offline: 'offline_access' })

function readAuthentication(source: Source, target: Target, draft: Draft): void {
  const method = target.value.token_endpoint_auth_method ?? 'client_secret_basic'
  target.set('token_endpoint_auth_method', method)
  const secret = source.member('client_secret')
  const place = target.at('client_secrets')
  if (secret.exists) carry(secret, target, 'client_secrets', plainSecret)
  else if (method === 'client_secret_basic' || method === 'client_secret_post') {
    const value = draft.unknownSecret(source, place, 'hydra', 'secret', String(target.value.client_id))
    target.set('client_secrets', [{ value }])
  }
  if (method === 'none' || !usesCodes(target)) return
  target.set('require_pkce', false)
  source.added(
    'Hydra does not require PKCE of this client; remove it if the client uses PKCE',
    target.at('require_pkce'),
  )
}

const usesCodes = ({ value: { grant_types } }: Target): boolean =>
  grant_types === undefined || (grant_types as readonly string[]).includes('authorization_code')

const strategies = choice({ jwt: 'jwt', opaque: 'reference' } as const)

/** Lifetimes by key; of several members with different values, the first one counts. */
const lifespans: Readonly<Record<string, readonly string[]>> = {
  access_token_lifetime: [
    'authorization_code_grant_access_token_lifespan',
    'refresh_token_grant_access_token_lifespan',
    'client_credentials_grant_access_token_lifespan',
    'implicit_grant_access_token_lifespan',
    'device_authorization_grant_access_token_lifespan',
    'jwt_bearer_grant_access_token_lifespan',
  ],
  identity_token_lifetime: [
    'authorization_code_grant_id_token_lifespan',
    'refresh_token_grant_id_token_lifespan',
    'implicit_grant_id_token_lifespan',
    'device_authorization_grant_id_token_lifespan',
  ],
  sliding_refresh_token_lifetime: [
    'authorization_code_grant_refresh_token_lifespan',
    'refresh_token_grant_refresh_token_lifespan',
    'device_authorization_grant_refresh_token_lifespan',
  ],
}

function readTokens(source: Source, target: Target): void {
  const strategy = source.member('access_token_strategy')
  if (strategy.whole() === '') strategy.notNeeded('it is empty')
  else carry(strategy, target, 'access_token_type', strategies)
  if (target.value.access_token_type === undefined) {
    target.set('access_token_type', 'reference')
    source.added('access tokens of Hydra are opaque by default', target.at('access_token_type'))
  }
  for (const [key, names] of Object.entries(lifespans))
    for (const name of names) carry(source.member(name), target, key, lifespanBeside(target.value[key]))
  if (target.value.sliding_refresh_token_lifetime === undefined) return
  target.set('refresh_token_expiration', 'sliding')
  target.set('absolute_refresh_token_lifetime', 0)
  source.added(
    'Hydra extends a refresh token at each use, without an end',
    target.at('refresh_token_expiration'),
  )
}

const lifespanBeside =
  (known: unknown): Convert<number> =>
  (source, target) => {
    const text = source.text()
    if (text === undefined) return
    const value = secondsOf(text)
    if (value === undefined) source.notPossible('it is not a duration, such as 1h30m0s')
    else if (known !== undefined && known !== value)
      source.notPossible('the lifetime is the same for all grants of a client here')
    else {
      source.carriedOver(target)
      return value
    }
  }

/** Returns the seconds of a duration as Go writes it: `1h30m0s`. */
function secondsOf(text: string): number | undefined {
  const [all, hours = '0', minutes = '0', seconds = '0'] =
    /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.\d+)?s)?$/.exec(text) ?? []
  return all ? Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) : undefined
}
