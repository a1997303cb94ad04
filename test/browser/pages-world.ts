/** The configuration of the server whose pages are viewed. */

import { pagesWorld } from '../support/sign-in.ts'

/** Languages in which pages are viewed. */
export const locales = ['en', 'ar'] as const

/** The pages' world, with an application at this origin as client, and a mock as provider. */
export const worldOf = (app: string, provider: string) => ({
  ...pagesWorld,
  api_scopes: [
    {
      name: 'api1',
      display_name: 'Read your orders',
      description: 'What you bought, when, and for how much',
    },
    { name: 'api2', display_name: 'Pay in your name', emphasize: true },
  ],
  accounts: { sign_up: true, email_verification: 'optional', self_deletion: true },
  branding: { support_url: 'https://help.example/', privacy_url: 'https://id.example/privacy' },
  outbound: { allowed_private_networks: ['127.0.0.0/8', '::1'] },
  identity_providers: pagesWorld.identity_providers.map(one =>
    one.name === 'corp'
      ? { ...one, display_name: 'Corp', issuer: provider, domains: ['corp.example'] }
      : { display_name: 'Partner', ...one },
  ),
  // One for each case and language, because their setup persists and cases run concurrently.
  users: [
    ...pagesWorld.users,
    ...['mia', 'ida', 'zoe', 'lea', 'ben', 'max'].flatMap(name =>
      locales.map(locale => ({
        sub: `${name}-${locale}`,
        username: `${name}-${locale}`,
        password: 'secret',
        claims: {},
      })),
    ),
  ],
  clients: [
    ...pagesWorld.clients,
    {
      ...pagesWorld.clients[0]!,
      client_id: 'strict',
      client_name: 'Strict',
      mfa: { mode: 'required', methods: ['totp'] },
    },
  ].map(client => ({
    ...client,
    ...(client.client_id === 'asking' && {
      policy_uri: 'https://asking.example/privacy',
      tos_uri: 'https://asking.example/terms',
    }),
    ...('redirect_uris' in client && {
      redirect_uris: [`${app}/cb`],
      post_logout_redirect_uris: [`${app}/`],
    }),
  })),
})
