/** Where each page and each endpoint that is asked for now and then is served: the one table of their paths, methods and names. */

import type { Route } from '@tessera/protocol/http'

/** What a configuration may leave out. */
export type Offer = 'mail' | 'passwordReset' | 'signUp' | 'deletion' | 'outbox' | 'registration'

export type PageRoute = Pick<Route, 'path' | 'methods' | 'cors' | 'acts'> & {
  /** Served only where this is offered; omitted: always. */
  readonly offer?: Offer
}

const get = ['GET'] as const
const both = ['GET', 'POST'] as const

export const pageRoutes = {
  home: { path: '/', methods: get },
  deviceAuthorization: { path: '/connect/deviceauthorization', methods: ['POST'], cors: 'clients' },
  par: { path: '/connect/par', methods: ['POST'], cors: 'clients' },
  authorize: { path: '/connect/authorize', methods: both, acts: true },
  authorizeCallback: { path: '/connect/authorize/callback', methods: get, acts: true },
  endSession: { path: '/connect/endsession', methods: both },
  checkSession: { path: '/connect/checksession', methods: get },
  logout: { path: '/logout', methods: both, acts: true },
  signedOut: { path: '/logout/done', methods: get },
  login: { path: '/login', methods: both },
  federationLogin: { path: '/federation/login', methods: get, acts: true },
  secondFactor: { path: '/mfa', methods: both, acts: true },
  selectAccount: { path: '/select-account', methods: both },
  consent: { path: '/consent', methods: both },
  device: { path: '/device', methods: both },
  profile: { path: '/account', methods: get },
  names: { path: '/account/name', methods: both },
  password: { path: '/account/password', methods: both },
  email: { path: '/account/email', methods: both, offer: 'mail' },
  deletion: { path: '/account/delete', methods: both, offer: 'deletion' },
  security: { path: '/account/security', methods: both },
  sessions: { path: '/account/sessions', methods: both },
  connections: { path: '/account/connections', methods: both },
  consents: { path: '/account/consents', methods: both },
  confirmEmail: { path: '/email/confirm', methods: both, offer: 'mail' },
  forgotten: { path: '/password/forgotten', methods: both, offer: 'passwordReset' },
  reset: { path: '/password/reset', methods: both, offer: 'passwordReset' },
  signUp: { path: '/register', methods: both, offer: 'signUp' },
  completeSignUp: { path: '/register/complete', methods: both, offer: 'signUp' },
  devMail: { path: '/dev/mail', methods: get, offer: 'outbox' },
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
