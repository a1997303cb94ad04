/** Sign-out at the server (OpenID Connect RP-Initiated Logout 1.0). */

import type { Client } from '../create-client.ts'
import { endpointUrl } from '../discovery/metadata.ts'
import { ClientError } from '../error.ts'
import { encodeForm, type FormParameters } from '../http/form.ts'
import { fail, ok, type Result } from '../result.ts'
import { randomText } from './random.ts'

export type EndSessionOptions = {
  /** The user's last ID token. Without it, the server asks the user to confirm. */
  readonly id_token_hint?: string | undefined
  /** Where the browser returns to. It must be registered for the client. */
  readonly post_logout_redirect_uri?: string | undefined
  readonly logout_hint?: string | undefined
  /** Space-separated language tags (BCP 47). */
  readonly ui_locales?: string | undefined
  /** More parameters. They can't replace those that the function sets itself. */
  readonly parameters?: FormParameters | undefined
}

export type EndSessionRequest = {
  /** The URL that the browser is sent to. It contains the ID token, so it must not be logged. */
  readonly url: string
  /** Store it until the browser returns; undefined without `post_logout_redirect_uri`. */
  readonly state: string | undefined
}

/** Creates a sign-out request (§2). Fails with `unsupported` if the server has no end-session endpoint. */
export async function endSessionUrl(
  client: Client,
  options: EndSessionOptions = {},
): Promise<Result<EndSessionRequest>> {
  const metadata = await client.issuer.metadata()
  if (!metadata.ok) return metadata
  const endpoint = endpointUrl(metadata.value, 'end_session_endpoint')
  if (!endpoint.ok) return endpoint
  const { id_token_hint, post_logout_redirect_uri, logout_hint, ui_locales, parameters = {} } = options
  const state = post_logout_redirect_uri === undefined ? undefined : randomText()
  const sent = {
    client_id: client.client_id,
    id_token_hint,
    post_logout_redirect_uri,
    state,
    logout_hint,
    ui_locales,
  }
  const url = new URL(endpoint.value)
  for (const [name, value] of encodeForm(parameters, sent)) url.searchParams.append(name, value)
  return ok({ url: url.href, state })
}

/**
 * Checks that the browser has returned from the sign-out that the client started (§3). Fails with `invalid` if the
 * `state` does not match.
 * @param response the URL to which the browser was redirected, or its query.
 */
export function validateEndSessionResponse(
  response: URL | URLSearchParams | string,
  state: string,
): Result<void> {
  const text = `${response}`
  const query =
    response instanceof URLSearchParams || !text.includes('?') ? text : text.replace(/^[^?]*\?|#.*$/g, '')
  const states = new URLSearchParams(query).getAll('state')
  return states.length === 1 && states[0] === state
    ? ok(undefined)
    : fail(new ClientError('invalid', 'state_mismatch', 'the browser did not return from this sign-out'))
}
