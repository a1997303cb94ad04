/** Where the pages are, under the issuer's own path; with a sealed continuation where one goes on. */

export type PagePath =
  | '/'
  | '/login'
  | '/consent'
  | '/device'
  | '/connect/authorize/callback'
  | `/assets/${string}`

export type Paths = (path: PagePath, continuation?: string) => string

/** Relative to the host, so that they hold behind a proxy too. */
export const createPaths = ({ issuer }: { issuer: string }): Paths => {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  return (path, continuation) =>
    continuation === undefined ? base + path : `${base}${path}?continue=${continuation}`
}
