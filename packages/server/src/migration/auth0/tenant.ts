/** Settings of an Auth0 tenant. */

import type { Draft } from '../draft.ts'
import { expectValue, isBlank, leaveOut, leaveOutAll, notNeeded } from '../outcomes.ts'
import type { Source } from '../source.ts'
import { textOrKeyword } from './placeholders.ts'

export function readTenant(root: Source, { server }: Draft): void {
  const source = root.member('tenant')
  if (!source.exists) return
  const name = source.member('friendly_name')
  const logo = source.member('picture_url')
  const branding: Record<string, unknown> = {}
  for (const [member, key] of [
    [name, 'name'],
    [logo, 'logo'],
  ] as const) {
    const text = textOrKeyword(member, server.at('branding', key))
    if (text !== undefined) branding[key] = text
  }
  if (Object.keys(branding).length > 0) server.set('branding', branding)
  const sessions: Record<string, unknown> = {}
  hours(source.member('session_lifetime'), 'absolute_lifetime')
  hours(source.member('idle_session_lifetime'), 'idle_lifetime')
  const cookie = source.member('session_cookie')
  if (cookie.isObject) {
    const mode = cookie.member('mode')
    if (mode.whole() === 'persistent') {
      sessions.keep_signed_in = true
      mode.changed('people decide on the sign-in page', server.at('sessions', 'keep_signed_in'))
    } else expectValue(mode, ['non-persistent'], 'it is persistent or non-persistent')
  }
  if (Object.keys(sessions).length > 0) server.set('sessions', sessions)
  leaveOutAll(source, notPossible)
  notNeeded(source, unneeded, 'it has no effect here')
  const locales = source.member('enabled_locales')
  if (isBlank(locales.whole())) locales.notNeeded('it is empty')
  else locales.notNeeded('pages have the language of the browser')
  leaveOut(source.member('flags'), 'they are switches of Auth0 itself')

  /** Hours may have a fraction. */
  function hours(member: Source, key: string): void {
    const value = member.whole()
    if (typeof value !== 'number') {
      if (member.exists) member.notPossible('it is not a number of hours')
      return
    }
    sessions[key] = Math.round(value * 3600)
    member.changed('it is in seconds', server.at('sessions', key))
  }
}

const notPossible: Readonly<Record<string, string>> = {
  allowed_logout_urls: 'a sign-out returns to addresses of the client: post_logout_redirect_uris',
  default_redirection_uri: 'see branding.home_url',
  default_directory: 'users are in the store',
  default_audience: 'clients name the API with the parameter resource, or by its scopes',
  error_page: 'pages have branding and templates (docs/guides/pages.md)',
  change_password: 'pages have branding and templates (docs/guides/pages.md)',
  guardian_mfa_page: 'pages have branding and templates (docs/guides/pages.md)',
  universal_login: 'write branding.colors (docs/guides/pages.md)',
  support_email: 'see branding',
  support_url: 'see branding',
  mtls: 'see mtls',
  acr_values_supported: 'levels are 1, 2 and phr (docs/guides/mfa.md)',
  pushed_authorization_requests_supported: 'pushed requests are always supported',
  oidc_logout: 'clients are notified of each end of a session',
  resource_parameter_profile: 'clients name the API with the parameter resource',
}

const unneeded = [
  ...[
    'sandbox_version',
    'sandbox_versions_available',
    'legacy_sandbox_version',
    'device_flow',
    'customize_mfa_in_postlogin_action',
  ],
  ...[
    'sessions',
    'ephemeral_session_lifetime',
    'idle_ephemeral_session_lifetime',
    'skip_non_verifiable_callback_uri_confirmation_prompt',
  ],
]
