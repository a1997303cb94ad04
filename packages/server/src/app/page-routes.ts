/** Where each page and each endpoint that is asked for now and then is served: the one table of their paths, methods and names. */

import type { Route } from '@tessera/protocol/http'

/** What a configuration may leave out. */
export type Offer = 'mail' | 'passwordReset' | 'signUp' | 'deletion' | 'outbox' | 'registration'

export type PageRoute = Pick<Route, 'path' | 'methods' | 'cors' | 'acts' | 'page'> & {
  /** Served only where this is offered; omitted: always. */
  readonly offer?: Offer
}

const get = ['GET'] as const
const both = ['GET', 'POST'] as const
const page = true

export const pageRoutes = {
  home: { path: '/', methods: get, page },
  deviceAuthorization: { path: '/connect/deviceauthorization', methods: ['POST'], cors: 'clients' },
  par: { path: '/connect/par', methods: ['POST'], cors: 'clients' },
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
  devMail: { path: '/dev/mail', methods: get, offer: 'outbox', page },
  // Who registers has no origin that is known yet. Nothing here goes by a cookie.
  register: { path: '/connect/register', methods: ['POST'], cors: 'any', offer: 'registration' },
  manageRegistration: {
    path: '/connect/register/*',
    methods: ['GET', 'PUT', 'DELETE'],
    cors: 'any',
    offer: 'registration',
  },
  assets: { path: '/assets/*', methods: get },
} as const satisfies Readonly<Record<string, PageRoute>>

export type PageName = keyof typeof pageRoutes

/** Those that are served. */
export const offeredPages = (
  offers: Readonly<Record<Offer, boolean>>,
): readonly (PageRoute & { readonly name: PageName })[] =>
  (Object.entries(pageRoutes) as readonly (readonly [PageName, PageRoute])[]).flatMap(([name, route]) =>
    route.offer === undefined || offers[route.offer] ? [{ name, ...route }] : [],
  )
