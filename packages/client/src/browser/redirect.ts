/** Sign-in by redirecting the page to the server and back. */

import {
  type CompletedAuthorization,
  type CompletionOptions,
  completeAuthorization,
} from '../authorization/complete.ts'
import type { PendingAuthorization, ResponseMode } from '../authorization/pending.ts'
import { type AuthorizationOptions, createAuthorizationRequest } from '../authorization/request.ts'
import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import { fail, ok, type Result } from '../result.ts'
import { isAuthorizationResponse, localPath, takeResponse } from './address.ts'
import { page } from './page.ts'
import { savePending, takePending } from './pending-storage.ts'

/**
 * The response type is `code`: tokens don't belong in the address of a page (RFC 9700 §2.1.2). A response in a JWT must
 * not be encrypted.
 */
export type BrowserSignInOptions = Omit<AuthorizationOptions, 'response_type' | 'response_mode'> & {
  readonly response_mode?: Exclude<ResponseMode, 'form_post' | 'form_post.jwt'> | undefined
}

export type RedirectOptions = BrowserSignInOptions & {
  /** The path to return to after the sign-in; the default is the current one. A URL of another origin becomes `/`. */
  readonly returnTo?: string | undefined
}

type Saved = { readonly pending: PendingAuthorization; readonly returnTo: string }

export type RedirectSignIn = CompletedAuthorization & {
  /** The path to show, always one of this origin. */
  readonly returnTo: string
}

/**
 * Sends the browser to the server, where the user signs in. The page is unloaded after this call succeeds. Several tabs,
 * and several calls in one tab, can be signing in at the same time.
 */
export async function signInWithRedirect(client: Client, options: RedirectOptions): Promise<Result<void>> {
  const { returnTo = page().location.href, ...request } = options
  const created = await createAuthorizationRequest(client, request)
  if (!created.ok) return created
  const { url, pending } = created.value
  const entry: Saved = { pending, returnTo: localPath(returnTo) }
  const saved = savePending('authorization', pending.state, entry, client.issuer.now())
  if (saved.ok) page().location.assign(url)
  return saved
}

/**
 * Completes the sign-in on the page to which the server redirects, and removes the response from the address bar.
 * Returns undefined if the address contains no response, so that any page may call it. Fails with `invalid` and the
 * code `pending_missing` if this tab did not start the sign-in, or has completed it, and as
 * {@link completeAuthorization} does.
 */
export async function completeRedirect(
  client: Client,
  options: CompletionOptions = {},
): Promise<Result<RedirectSignIn | undefined>> {
  const response = takeResponse(isAuthorizationResponse)
  if (!response) return ok(undefined)
  const saved = takePending<Saved>('authorization', response.state)
  if (!saved)
    return fail(
      new ClientError(
        'invalid',
        'pending_missing',
        'this tab has no pending sign-in for the response; start a new one',
      ),
    )
  const completed = await completeAuthorization(client, response.href, saved.pending, options)
  return completed.ok ? ok({ ...completed.value, returnTo: localPath(saved.returnTo) }) : completed
}
