/** Settings of dynamic client registration (RFC 7591), and the interface that converts metadata into a client. */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { Awaitable } from '../runtime/ports.ts'
import type { Client, JwkSet, Secret } from './client.ts'
import type { DocumentPolicy } from './client-document.ts'
import type { SealedClientPolicy } from './sealed-client.ts'

export type Registration = {
  readonly mode: 'off' | 'initial_access_token' | 'open'
  readonly initialAccessTokens: readonly Secret[]
  readonly allowedScope: readonly string[]
  /** Which scopes a client has: those that it registers, as far as they are allowed, or all allowed ones. */
  readonly registeredScope: 'requested' | 'allowed'
  readonly allowedGrantTypes: ReadonlySet<string>
  /** URI schemes allowed in redirect URIs besides reversed domain names (RFC 8252 §8.4). */
  readonly privateUseSchemes: ReadonlySet<string> | 'any'
  /** The trusted issuers of software statements (RFC 7591 §2.3). */
  readonly softwareIssuers: readonly { readonly issuer: string; readonly jwks: JwkSet }[]
  readonly requireSoftwareStatement: boolean
  /** 0: never expires. */
  readonly clientSecretLifetime: Seconds
  /** 0: never deleted. */
  readonly unusedClientLifetime: Seconds
  readonly mostClients: number
  readonly mostUnusedClients: number
  readonly mostRequestsPerHour: number
  /** Clients that publish their metadata instead. They have the scopes and settings of registered ones. */
  readonly documents: DocumentPolicy
  /** Clients whose `client_id` is their sealed metadata. */
  readonly sealedClients: SealedClientPolicy
  /** Destinations to which no self-registered client may redirect. */
  readonly blockedRedirects: readonly string[]
  /** Settings that clients can't choose. */
  readonly defaults: Readonly<Record<string, unknown>> &
    Pick<Client, 'require_pkce' | 'access_token_lifetime' | 'identity_token_lifetime'>
  readonly parse: RegisteredClientParser
}

/** Parses a client in the format of the configuration. */
export type RegisteredClientParser = (
  input: object,
) =>
  | { readonly ok: true; readonly client: Client }
  | { readonly ok: false; readonly problems: readonly MetadataProblem[] }

export type ClientDocuments = {
  /**
   * Finds the client of a URL. Resolves to undefined if it has no valid document, or may not have one here. Rejects with
   * `ClientUnavailable` if the document can't be fetched now.
   */
  readonly find: (clientId: string) => Awaitable<Client | undefined>
  /** Returns the client as it was last seen, without a request. */
  readonly known: (clientId: string) => Client | undefined
  /** Returns whether scripts of this origin may be those of a client. */
  readonly isAllowedOrigin: (origin: string) => boolean
}

/** Clients whose `client_id` is their sealed metadata. */
export type SealedClients = {
  /**
   * Returns the id of a client with this metadata, and when it was issued. Returns undefined if the client needs a row:
   * such ids are not issued here, the client has a secret or something to fetch, or its id would be too long.
   */
  readonly issue: (
    metadata: JsonObject,
    client: Client,
  ) => { readonly client_id: string; readonly issued_at: Seconds } | undefined
  /** Returns undefined for an id that is not valid, ended, or no longer fits the configuration. */
  readonly find: (clientId: string) => Client | undefined
  /** Returns whether this issuer made the id, which may have ended. */
  readonly isIssued: (clientId: string) => boolean
  /** Returns whether scripts of this origin may be those of a client. Its id is not in a preflight request. */
  readonly isAllowedOrigin: (origin: string) => boolean
}

/** A problem in the metadata. Never contains a value. */
export type MetadataProblem = {
  /** Such as `redirect_uris[0]`. */
  readonly path: string
  readonly problem: string
  readonly expected: string
}
