/** Connections: providers that speak OpenID Connect, and databases of users. */

import { carry, filledText } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import { elements, leaveOut, leaveOutAll, notNeeded } from '../outcomes.ts'
import { listOf, type Members, membersOf, own, textOf, textsOf } from '../raw.ts'
import type { Source } from '../source.ts'
import { hasPlaceholder, placeholderIn, textOrKeyword } from './placeholders.ts'

/** The issuer of each provider by the name of its connection. */
export type Issuers = ReadonlyMap<string, string>

/** Names of the applications that may use a connection. */
export type Connections = {
  readonly issuers: Issuers
  readonly providers: ReadonlyMap<string, ReadonlySet<string>>
  /** Of all databases; undefined if the file has none. */
  readonly database: ReadonlySet<string> | undefined
}

export function readConnections(root: Source, draft: Draft): Connections {
  const issuers = new Map<string, string>()
  const providers = new Map<string, ReadonlySet<string>>()
  let database: Set<string> | undefined
  const databases = elements(root.member('databases'))
  for (const source of [...databases, ...elements(root.member('connections'))]) {
    const enabled = new Set(textsOf(source.member('enabled_clients').whole()))
    // A database needs no strategy in files of the deploy tool.
    if (databases.includes(source) || source.member('strategy').whole() === 'auth0') {
      database = new Set([...(database ?? []), ...enabled])
      readDatabase(source, draft.server)
      continue
    }
    const read = readProvider(source, draft)
    if (!read) continue
    issuers.set(read.name, read.issuer)
    if (read.isWritten) providers.set(read.name, enabled)
  }
  return { issuers, providers, database }
}

function issuerOf(strategy: string, options: Members): string | undefined {
  if (strategy === 'google-oauth2') return 'https://accounts.google.com'
  if (strategy === 'okta') {
    const domain = textOf(own(options, 'domain'))
    return domain === undefined ? undefined : `https://${domain}`
  }
  if (strategy !== 'oidc') return undefined
  const discovery = textOf(own(options, 'discovery_url'))
  return textOf(own(options, 'issuer')) ?? discovery?.replace(/\/\.well-known\/openid-configuration$/, '')
}

function readProvider(
  source: Source,
  draft: Draft,
): { readonly name: string; readonly issuer: string; readonly isWritten: boolean } | undefined {
  const options = membersOf(source.member('options').whole())
  const strategy = textOf(source.member('strategy').whole()) ?? ''
  const issuer = issuerOf(strategy, options)
  const name = textOf(source.member('name').whole())
  if (issuer === undefined || name === undefined) {
    source.notPossible('it is not an OpenID Connect provider with a known issuer')
    return undefined
  }
  const client = textOf(own(options, 'client_id'))
  if (!client || hasPlaceholder(client)) {
    source.notPossible(
      `the file does not contain its client_id: add the provider to identity_providers with "name": ${JSON.stringify(name)}, and users keep their accounts there`,
    )
    return { name, issuer, isWritten: false }
  }
  const target = draft.add('identity_providers')
  carry(source.member('name'), target, 'name', textOrKeyword)
  carry(source.member('display_name'), target, 'display_name', textOrKeyword)
  target.set('type', 'oidc')
  source.member('strategy').carriedOver(target.at('type'))
  target.set('issuer', issuer)
  readOptions(source.member('options'), target, draft, name)
  source.member('enabled_clients').changed('clients name their providers: identity_provider_restrictions')
  notNeeded(source, ['id', 'realms', 'is_domain_connection', 'metadata'], 'it has no effect here')
  leaveOut(source.member('show_as_button'), 'the sign-in page shows the providers that a client may use')
  return { name, issuer, isWritten: true }
}

function readOptions(options: Source, target: Target, draft: Draft, name: string): void {
  const whole = membersOf(options.whole())
  const [given, discovery] = [options.member('issuer'), options.member('discovery_url')]
  if (given.exists) given.carriedOver(target.at('issuer'))
  else if (!discovery.exists)
    options.added('the issuer follows from the kind of connection', target.at('issuer'))
  discovery.carriedOver(target.at('issuer'))
  options.member('domain').carriedOver(target.at('issuer'))
  carry(options.member('client_id'), target, 'client_id', textOrKeyword)
  const secret = options.member('client_secret')
  const text = textOf(secret.whole())
  const variable = placeholderIn(text)
  if (text !== undefined && text !== '' && variable === undefined)
    carry(secret, target, 'client_secret', filledText)
  else {
    secret.notNeeded('the file does not contain the secret')
    const words = variable === undefined ? ['auth0', 'provider', name] : [variable]
    target.set('client_secret', draft.unknownSecret(options, target.at('client_secret'), ...words))
  }
  readScope(options.member('scope'), own(whole, 'scope'), target)
  const domains = textsOf(own(whole, 'domain_aliases')).map(domain => domain.toLowerCase())
  if (domains.length > 0) target.set('domains', domains)
  options.member('domain_aliases').carriedOver(target.at('domains'))
  notNeeded(
    options,
    [
      ...[
        'authorization_endpoint',
        'token_endpoint',
        'userinfo_endpoint',
        'jwks_uri',
        'oidc_metadata',
        'type',
      ],
      ...[
        'schema_version',
        'attribute_map',
        'connection_settings',
        'email',
        'profile',
        'set_user_root_attributes',
      ],
    ],
    'the provider’s metadata contains it, or it has no effect here',
  )
  leaveOutAll(options, {
    icon_url: 'providers have no icon here',
    tenant_domain: 'it has no effect here',
    upstream_params: 'parameters are not passed on; acr_mapping passes acr_values on',
    non_persistent_attrs: 'attributes of providers are not stored',
    allowed_audiences: 'the provider issues ID tokens for this server only',
  })
}

/** A text, or a list of texts. */
function readScope(source: Source, value: unknown, target: Target): void {
  if (!source.exists) return
  const names = typeof value === 'string' ? value.split(' ') : textsOf(listOf(value))
  const scope = [...new Set(['openid', ...names])].filter(name => name !== '')
  target.set('scope', scope.join(' '))
  if (names.includes('openid')) source.carriedOver(target.at('scope'))
  else source.changed('openid is added', target.at('scope'))
}

/** A database of Auth0: its users are in the store. */
function readDatabase(source: Source, server: Target): void {
  notNeeded(
    source,
    ['id', 'name', 'strategy', 'realms', 'is_domain_connection', 'display_name', 'metadata'],
    'users are in the store',
  )
  source.member('enabled_clients').changed('other clients have enable_local_login: false')
  const options = source.member('options')
  if (!options.exists) return
  const whole = membersOf(options.whole())
  const accounts: Record<string, unknown> = { ...membersOf(server.value.accounts) }
  const signUp = options.member('disable_signup')
  if (signUp.whole() === false) {
    accounts.sign_up = true
    signUp.carriedOver(server.at('accounts', 'sign_up'))
  } else signUp.notNeeded('nobody can create an account by default')
  const length = own(membersOf(own(whole, 'password_complexity_options')), 'min_length')
  if (Number.isSafeInteger(length) && Number(length) >= 8 && Number(length) <= 64)
    accounts.password_policy = { min_length: length }
  for (const name of [
    'password_complexity_options',
    'passwordPolicy',
    'password_dictionary',
    'password_no_personal_info',
  ])
    options
      .member(name)
      .changed(
        'new passwords have a minimum length, and are not common or like the name',
        server.at('accounts', 'password_policy'),
      )
  if (Object.keys(accounts).length > 0) server.set('accounts', accounts)
  leaveOutAll(options, {
    customScripts: 'write a userStore (docs/guides/hooks.md#userstore)',
    import_mode: 'write a userStore with checkPassword (docs/guides/hooks.md#userstore)',
    configuration: 'write a userStore (docs/guides/hooks.md#userstore)',
    password_history: 'earlier passwords are not remembered',
    authentication_methods: 'users can always add passkeys: see mfa',
    passkey_options: 'users can always add passkeys: see mfa',
    attributes: 'users have a name and an address',
  })
  notNeeded(
    options,
    [
      'mfa',
      'brute_force_protection',
      'strategy_version',
      'requires_username',
      'enabledDatabaseCustomization',
      'validation',
    ],
    'it has no effect here',
  )
}
