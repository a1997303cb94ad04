/** A source of tokens for requests to an API. */

import type { Client } from '../create-client.ts'
import type { CallOptions } from '../http/client-request.ts'
import type { Result } from '../result.ts'

/** The parts of a token response that a request to an API needs. */
export type AccessToken = { readonly access_token: string; readonly token_type: string }

/** Sessions and token caches are sources. Create your own for other tokens. */
export type TokenSource = {
  /** The client that the tokens were issued to. Its proof, if it has one, is added to requests. */
  readonly client: Client
  /** Returns the token for the next request. */
  readonly accessToken: (options?: CallOptions) => Promise<Result<AccessToken>>
  /** Returns another token after an API refused one. */
  readonly renew: (refused: string, options?: CallOptions) => Promise<Result<AccessToken>>
}
