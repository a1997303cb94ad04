/** Redirects, which are not followed: they could lead a token to another origin. */

import { ClientError } from '../error.ts'
import type { RepeatableRequest } from './repeatable.ts'

/** Returns the response. Throws ClientError if it is a redirect, unless the caller asked for those. */
export async function unlessRedirected(
  { url, redirect }: RepeatableRequest,
  response: Response,
): Promise<Response> {
  if (!isRedirect(response) || redirect === 'manual') return response
  await response.body?.cancel()
  throw new ClientError(
    'policy',
    'redirect_not_followed',
    `${withoutQuery(url)} redirects, which is not followed with a token`,
  )
}

/** Browsers report a redirect as a response without a status. */
const isRedirect = ({ type, status }: Response): boolean =>
  type === 'opaqueredirect' || [301, 302, 303, 307, 308].includes(status)

/** Returns the URL for messages. */
export const withoutQuery = (url: string): string => {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
