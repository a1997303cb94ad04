/** Proof of possession: what binds tokens to a key of the client, such as DPoP (RFC 9449). */

import type { ReceivedResponse } from './http/response.ts'

export type ProofRequest = {
  readonly method: string
  /** The complete URL; a proof that covers less removes the rest itself. */
  readonly url: string
  /** The access token that the request contains, if any. */
  readonly accessToken?: string | undefined
}

/** Adds a proof to each request that contains or obtains a token. */
export type Proof = {
  /** The `token_type` of tokens bound to the key, which is also their scheme in `Authorization` headers. */
  readonly tokenType: string
  /** Returns the headers that prove possession of the key for one request. */
  readonly headers: (request: ProofRequest) => Promise<Readonly<Record<string, string>>>
  /** Returns parameters that bind an authorization request to the key, such as `dpop_jkt`. */
  readonly authorizationParameters?: () => Promise<Readonly<Record<string, string>>>
  /**
   * Reads each response, for example for a nonce. If it returns true, the request is sent once more with a new proof:
   * the server has refused the proof and done nothing.
   */
  readonly received?: (
    request: ProofRequest,
    response: Pick<ReceivedResponse, 'status' | 'headers'> & { readonly body?: string },
  ) => boolean | Promise<boolean>
}
