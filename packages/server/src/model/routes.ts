/**
 * Every path that an issuer serves, below the path of the issuer itself. The router, discovery and the links on pages
 * all read this table; `app/protocol-endpoints.ts` and `app/page-endpoints.ts` have an endpoint for each name.
 */

import type { Route } from '@tessera/protocol/http'

/** Features that a configuration can turn off. */
export type Offer = 'mail' | 'passwordReset' | 'signUp' | 'deletion' | 'devMail' | 'registration' | 'adminApi'

export type RouteEntry = Pick<Route, 'path' | 'methods' | 'cors' | 'acts' | 'page'> & {
  /** Served only if this feature is available. Default: always. */
  readonly offer?: Offer
}

type RouteTable = Readonly<Record<string, RouteEntry>>

const get = ['GET'] as const
const post = ['POST'] as const
const both = ['GET', 'POST'] as const
const page = true

/** Their endpoints are created at the start. */
export const protocolRoutes = {
  discovery: { path: '/.well-known/openid-configuration', methods: get, cors: 'any' },
  oauthDiscovery: { path: '/.well-known/oauth-authorization-server', methods: get, cors: 'any' },
  jwks: { path: '/.well-known/openid-configuration/jwks', methods: get, cors: 'any' },
  token: { path: '/connect/token', methods: post, cors: 'clients' },
  introspection: { path: '/connect/introspect', methods: post },
  revocation: { path: '/connect/revocation', methods: post, cors: 'clients' },
  userinfo: { path: '/connect/userinfo', methods: both, cors: 'clients' },
} as const satisfies RouteTable

/** Their endpoints are created with the first request for one of them: pages, and endpoints that are rarely used. */
export const pageRoutes = {
  home: { path: '/', methods: get, page },
  deviceAuthorization: { path: '/connect/deviceauthorization', methods: post, cors: 'clients' },
  par: { path: '/connect/par', methods: post, cors: 'clients' },
  authorize: { path: '/connect/authorize', methods: both, acts: true, page },
  authorizeCallback: { path: '/connect/authorize/callback', methods: get, acts: true, page },
  endSession: { path: '/connect/endsession', methods: both, page },
  checkSession: { path: '/connect/checksession', methods: get },
  logout: { path: '/logout', methods: both, acts: true, page },
  signedOut: { path: '/logout/done', methods: get, page },
  login: { path: '/login', methods: both, page },
  federationLogin: { path: '/federation/login', methods: get, acts: true, page },
  secondFactor: { path: '/mfa', methods: both, acts: true, page },
  selectAccount: { path: '/select-account', methods: both, page },
  consent: { path: '/consent', methods: both, page },
  device: { path: '/device', methods: both, page },
  profile: { path: '/account', methods: get, page },
  names: { path: '/account/name', methods: both, page },
  password: { path: '/account/password', methods: both, page },
  email: { path: '/account/email', methods: both, offer: 'mail', page },
  deletion: { path: '/account/delete', methods: both, offer: 'deletion', page },
  security: { path: '/account/security', methods: both, page },
  sessions: { path: '/account/sessions', methods: both, page },
  connections: { path: '/account/connections', methods: both, page },
  consents: { path: '/account/consents', methods: both, page },
  confirmEmail: { path: '/email/confirm', methods: both, offer: 'mail', page },
  forgotten: { path: '/password/forgotten', methods: both, offer: 'passwordReset', page },
  reset: { path: '/password/reset', methods: both, offer: 'passwordReset', page },
  signUp: { path: '/register', methods: both, offer: 'signUp', page },
  completeSignUp: { path: '/register/complete', methods: both, offer: 'signUp', page },
  devMail: { path: '/dev/mail', methods: get, offer: 'devMail', page },
  // A client that registers has no known origin yet. Nothing here depends on a cookie.
  register: { path: '/connect/register', methods: post, cors: 'any', offer: 'registration' },
  manageRegistration: {
    path: '/connect/register/*',
    methods: ['GET', 'PUT', 'DELETE'],
    cors: 'any',
    offer: 'registration',
  },
  // Nothing here depends on a cookie, and no script of another origin may read it.
  admin: {
    path: '/admin/api/v1/**',
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    offer: 'adminApi',
  },
  assets: { path: '/assets/*', methods: get },
} as const satisfies RouteTable

/** For each OpenID Connect provider; its name follows the path. */
export const providerRoutes = {
  callback: { path: '/federation/callback/', methods: both, acts: true, page },
  backChannelLogout: { path: '/federation/backchannel-logout/', methods: post },
  frontChannelLogout: { path: '/federation/frontchannel-logout/', methods: get, acts: true },
} as const satisfies RouteTable

export type ProtocolRouteName = keyof typeof protocolRoutes
export type PageRouteName = keyof typeof pageRoutes
export type ProviderRouteName = keyof typeof providerRoutes

/** The paths of pages. */
export type PagePath =
  | { [Name in PageRouteName]: PathOfPage<(typeof pageRoutes)[Name]> }[PageRouteName]
  | `${typeof providerRoutes.callback.path}${string}`
  | `/assets/${string}`

type PathOfPage<Entry> = Entry extends { readonly page: true; readonly path: infer Path } ? Path : never
