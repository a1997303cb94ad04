/** The client: who requests tokens, at which server, and how it authenticates. */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientAuthentication } from './authentication/authentication.ts'
import { noAuthentication } from './authentication/secret.ts'
import { createIssuer, type Issuer, type IssuerOptions } from './discovery/issuer.ts'
import { createTransport, type Send, type TransportOptions } from './http/transport.ts'
import type { Proof } from './proof.ts'

/** The server by its issuer identifier, spelled as in its metadata; or an issuer that other clients use as well. */
type ClientIssuer =
  | (IssuerOptions & { readonly issuer: string })
  | (TransportOptions & { readonly issuer: Issuer })

export type ClientOptions = ClientIssuer & {
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
  /** Sends the client's own requests. Metadata and keys are requested by the issuer. */
  readonly send: Send
  readonly authentication: ClientAuthentication
  readonly proof: Proof | undefined
  readonly clockTolerance: Seconds
}

/**
 * Creates a client. No request is sent before one is needed; the first one requests the server's metadata.
 * @throws TypeError if `issuer` or `client_id` is missing, or if `proof` is none.
 */
export function createClient(options: ClientOptions): Client {
  const { client_id, authentication = noAuthentication(), proof, clockTolerance = 30 } = options
  if (!client_id) throw new TypeError('client_id is missing; createClient needs issuer and client_id')
  if (!options.issuer) throw new TypeError('issuer is missing; createClient needs issuer and client_id')
  if (proof && typeof proof.headers !== 'function')
    throw new TypeError('proof has no function headers; createDpop returns a promise, so await it')
  const issuer = typeof options.issuer === 'string' ? createIssuer(options.issuer, options) : options.issuer
  return { client_id, issuer, send: createTransport(options), authentication, proof, clockTolerance }
}
