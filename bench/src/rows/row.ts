/** One kind of work that is measured, requested from every server that does it. */

import type { Asking } from '../load/load.ts'

/** Where a server has its endpoints. */
export type Paths = {
  readonly token: string
  /** The token endpoint, if the server binds tokens to DPoP proofs. */
  readonly dpopToken?: string
  /** The token endpoint, if the server's access tokens are signed with ML-DSA-44. */
  readonly mlDsaToken?: string
  /** The token endpoint, if the server has a client without a secret: the one of this `client_id`. */
  readonly publicToken?: string
  readonly publicClient?: string
  readonly introspection?: string
  readonly userinfo?: string
  readonly discovery?: string
  readonly jwks: string
  /** Whether a JWT is issued only to clients that name its API (RFC 8707 §2). */
  readonly resourceNamed?: true
}

/** Credentials that a server issues before the load: a code, and its tokens for the clients `web` and `webReference`. */
export type Credential = 'code' | 'refresh_token' | 'jwt' | 'reference_token'

export type Work = Asking & {
  /** Requests with consumed credentials, which must all be refused now. */
  readonly replays?: () => readonly string[]
}

export type Row = {
  readonly name: string
  readonly needs?: { readonly kind: Credential; readonly for: 'all' | 'each connection' | 'each request' }
  /** The endpoint that it requires of a server; a server without it is left out. */
  readonly endpoint: Exclude<keyof Paths, 'resourceNamed' | 'publicClient'>
  readonly work: (path: string, credentials: readonly string[], paths: Paths) => Work
  /** Examines one response: signatures, lifetimes. Rejects if the work was not done. */
  readonly prove: (body: string, jwks: string, paths: Paths) => Promise<void>
}

/** Returns what is wrong with a response, as text. */
export const wrong = (what: string, body: string): string => `${what}: ${body.slice(0, 300)}`
