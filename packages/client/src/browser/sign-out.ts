/** Sign-out at the server, and the return from there (OpenID Connect RP-Initiated Logout 1.0). */

import { type EndSessionOptions, endSessionUrl } from '../authorization/end-session.ts'
import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import { isAuthorizationResponse, localPath, takeResponse } from './address.ts'
import { page } from './page.ts'
import { savePending, takePending } from './pending-storage.ts'

export type SignOutOptions = EndSessionOptions & {
  /** The path to show after the sign-out; the default is `/`. A URL of another origin becomes `/`. */
  readonly returnTo?: string | undefined
}

type Saved = { readonly returnTo: string }

/** Sends the browser to the server, which signs the user out. Delete the tokens of the application before the call. */
export async function signOut(client: Client, options: SignOutOptions = {}): Promise<Result<void>> {
  const { returnTo = '/', ...request } = options
  const created = await endSessionUrl(client, request)
  if (!created.ok) return created
  const { url, state } = created.value
  const entry: Saved = { returnTo: localPath(returnTo) }
  const saved =
    state === undefined ? ok(undefined) : savePending('sign-out', state, entry, client.issuer.now())
  if (saved.ok) page().location.assign(url)
  return saved
}

/**
 * Completes the sign-out on the page at `post_logout_redirect_uri`, and removes the `state` from the address bar.
 * Returns undefined if the address contains none. Fails with `invalid` if this tab did not start the sign-out.
 */
export function completeSignOut(): Result<Saved | undefined> {
  const response = takeResponse(parameters => !isAuthorizationResponse(parameters))
  if (!response) return ok(undefined)
  const saved = takePending<Saved>('sign-out', response.state)
  return saved
    ? ok({ returnTo: localPath(saved.returnTo) })
    : fail(new ClientError('invalid', 'pending_missing', 'this tab has not started a sign-out'))
}
