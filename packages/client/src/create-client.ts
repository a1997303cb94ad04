/** The client: who requests tokens, at which server, and how it authenticates. */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientAuthentication } from './authentication/authentication.ts'
import { noAuthentication } from './authentication/secret.ts'
import { createIssuer, type Issuer, type IssuerOptions } from './discovery/issuer.ts'
import type { Proof } from './proof.ts'

export type ClientOptions = IssuerOptions & {
  /** The issuer identifier, spelled as in the server's metadata; or an issuer that others use as well. */
  readonly issuer: string | Issuer
  readonly client_id: string
  /** How the client authenticates; the default is not at all (a public client). */
  readonly authentication?: ClientAuthentication | undefined
  /** Binds tokens to a key. */
  readonly proof?: Proof | undefined
  /** How many seconds the clocks of server and client may differ; the default is 30. */
  readonly clockTolerance?: Seconds | undefined
}

export type Client = {
  readonly client_id: string
  readonly issuer: Issuer
  readonly authentication: ClientAuthentication
  readonly proof: Proof | undefined
  readonly clockTolerance: Seconds
}

/** Creates a client. No request is sent before one is needed; the first one requests the server's metadata. */
export function createClient(options: ClientOptions): Client {
  const { issuer, client_id, authentication = noAuthentication(), proof, clockTolerance = 30 } = options
  return {
    client_id,
    issuer: typeof issuer === 'string' ? createIssuer(issuer, options) : issuer,
    authentication,
    proof,
    clockTolerance,
  }
}
