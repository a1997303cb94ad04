/** How clients may register themselves (RFC 7591): what the operator allows, and how a registration becomes a client. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client, JwkSet, Secret } from './client.ts'

export type Registration = {
  readonly mode: 'off' | 'initial_access_token' | 'open'
  readonly initialAccessTokens: readonly Secret[]
  readonly allowedScope: readonly string[]
  readonly allowedGrantTypes: ReadonlySet<string>
  /** Schemes that are not reversed domain names and that clients may be answered by (RFC 8252 §8.4). */
  readonly privateUseSchemes: ReadonlySet<string> | 'any'
  /** Who may sign software statements (RFC 7591 §2.3). */
  readonly softwareIssuers: readonly { readonly issuer: string; readonly jwks: JwkSet }[]
  readonly requireSoftwareStatement: boolean
  /** 0: never ends. */
  readonly clientSecretLifetime: Seconds
  /** 0: never goes. */
  readonly unusedClientLifetime: Seconds
  readonly mostClients: number
  readonly mostUnusedClients: number
  readonly mostRequestsPerHour: number
  /** What no client chooses for itself. */
  readonly defaults: Readonly<Record<string, unknown>> &
    Pick<Client, 'require_pkce' | 'access_token_lifetime' | 'identity_token_lifetime'>
  readonly parse: RegisteredClientParser
}

/** @param input a client as the configuration would write it. */
export type RegisteredClientParser = (
  input: object,
) =>
  | { readonly ok: true; readonly client: Client }
  | { readonly ok: false; readonly problems: readonly MetadataProblem[] }

/** What is wrong with it; never with a value in it. */
export type MetadataProblem = {
  /** `redirect_uris[0]`. */
  readonly path: string
  readonly problem: string
  readonly expected: string
}
