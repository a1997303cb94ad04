/** What is measured: one kind of work, asked of every server that does it. */

import type { Asking } from '../load/load.ts'

/** Where a server has its endpoints. */
export type Paths = {
  readonly token: string
  readonly introspection?: string
  readonly userinfo?: string
  readonly discovery?: string
  readonly jwks: string
  /** Whether a JWT is given only to who names its API (RFC 8707 §2). */
  readonly resourceNamed?: true
}

/** What a server hands out before the load: a code, and what comes of one at the clients `web` and `webReference`. */
export type Credential = 'code' | 'refresh_token' | 'jwt' | 'reference_token'

export type Work = Asking & {
  /** Requests that used something up, which must all be refused now. */
  readonly replays?: () => readonly string[]
}

export type Row = {
  readonly name: string
  readonly needs?: { readonly kind: Credential; readonly for: 'all' | 'each connection' | 'each request' }
  /** What of a server's it asks; a server without it is left out. */
  readonly endpoint: Exclude<keyof Paths, 'resourceNamed'>
  readonly work: (path: string, credentials: readonly string[], paths: Paths) => Work
  /** Looks closely at one answer: signatures, lifetimes. Rejects when the work was not done. */
  readonly prove: (body: string, jwks: string) => Promise<void>
}

/** Whether an answer is right, as text that says what is wrong. */
export const wrong = (what: string, body: string): string => `${what}: ${body.slice(0, 300)}`
