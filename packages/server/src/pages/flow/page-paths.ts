/** Where the pages are, under the issuer's own path; with a sealed continuation where one goes on. */

/** The sections of the account pages, in the order of their navigation. */
export const accountPaths = {
  profile: '/account',
  password: '/account/password',
  security: '/account/security',
  sessions: '/account/sessions',
  connections: '/account/connections',
  consents: '/account/consents',
} as const

export type AccountSection = keyof typeof accountPaths
export type AccountPath = (typeof accountPaths)[AccountSection]

export type PagePath =
  | '/'
  | '/login'
  | '/select-account'
  | '/mfa'
  | '/consent'
  | '/device'
  | '/connect/authorize/callback'
  | '/federation/login'
  | `/federation/callback/${string}`
  | '/logout'
  | '/logout/done'
  | '/account/name'
  | '/account/email'
  | '/account/delete'
  | '/register'
  | '/register/complete'
  | '/password/forgotten'
  | '/password/reset'
  | '/email/confirm'
  | '/dev/mail'
  | AccountPath
  | `/assets/${string}`

export type Paths = (path: PagePath, continuation?: string) => string

/** Relative to the host, so that they hold behind a proxy too. */
export const createPaths = ({ issuer }: { issuer: string }): Paths => {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  return (path, continuation) =>
    continuation === undefined ? base + path : `${base}${path}?continue=${continuation}`
}
