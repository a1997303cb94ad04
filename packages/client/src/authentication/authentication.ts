/** How a client authenticates at the endpoints that require it (RFC 6749 §2.3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import type { ServerMetadata } from '../discovery/metadata.ts'

/** The request that an authentication method adds its credentials to. */
export type AuthenticationRequest = {
  readonly client_id: string
  /** The URL that the request is sent to. */
  readonly url: string
  readonly metadata: ServerMetadata
  /** The current time, in whole seconds. */
  readonly now: Seconds
}

/** The parts that an authentication method adds to a request. */
export type Credentials = {
  readonly headers?: Readonly<Record<string, string>>
  readonly parameters?: Readonly<Record<string, string>>
}

/** A method of client authentication. Create your own if none of this library fits. */
export type ClientAuthentication = {
  /** A value of `token_endpoint_auth_method` (RFC 7591 §2). */
  readonly method: ClientAuthenticationMethod | (string & {})
  /**
   * Whether requests go to the `mtls_endpoint_aliases` (RFC 8705 §5). The client's `fetch` sends the certificate. For a
   * client with another method whose tokens are bound to its certificate: `{ ...clientSecretBasic(secret), mtls: true }`.
   */
  readonly mtls?: boolean
  readonly credentials: (request: AuthenticationRequest) => Credentials | Promise<Credentials>
}
