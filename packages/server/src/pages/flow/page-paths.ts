/** Paths of pages below the issuer's path, with a sealed continuation if one is resumed. */

import { type PagePath, pageRoutes } from '../../model/routes.ts'

/** The sections of the account pages, in the order of their navigation. */
export const accountPaths = {
  profile: pageRoutes.profile.path,
  password: pageRoutes.password.path,
  security: pageRoutes.security.path,
  sessions: pageRoutes.sessions.path,
  connections: pageRoutes.connections.path,
  consents: pageRoutes.consents.path,
} as const

export type AccountSection = keyof typeof accountPaths
export type AccountPath = (typeof accountPaths)[AccountSection]

export type Paths = (path: PagePath, continuation?: string) => string

/** Returns paths without a host, which are also correct behind a proxy. */
export const createPaths = ({ issuer }: { issuer: string }): Paths => {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  return (path, continuation) =>
    continuation === undefined ? base + path : `${base}${path}?continue=${continuation}`
}
