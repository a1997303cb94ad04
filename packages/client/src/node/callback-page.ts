/** Pages of the loopback redirect. They contain nothing of the response. */

import { createHash } from 'node:crypto'

export type CallbackTexts = {
  /** The default is "You are signed in. You can close this window." */
  readonly success?: string | undefined
  /** The default is "The sign-in failed. Return to the application and try again." */
  readonly failure?: string | undefined
  /** Language tag of the texts (BCP 47); the default is `en`. */
  readonly lang?: string | undefined
}

/** Removes the code from the address and the history, then closes the window where the browser allows it. */
const script = "history.replaceState(null, '', '/'); close()"

export type CallbackPage = { readonly headers: Readonly<Record<string, string>>; readonly body: string }

/** Returns the page that ends the sign-in. */
export function callbackPage(success: boolean, texts: CallbackTexts): CallbackPage {
  const text = escapeHtml(
    success
      ? (texts.success ?? 'You are signed in. You can close this window.')
      : (texts.failure ?? 'The sign-in failed. Return to the application and try again.'),
  )
  const lang = escapeHtml(texts.lang ?? 'en')
  const body = `<!doctype html><html lang="${lang}"><meta charset="utf-8"><title>${text}</title><p>${text}</p><script>${script}</script></html>`
  return { headers: headers('text/html'), body }
}

/** Returns the response to requests that are not the callback. */
export const notFound = (): CallbackPage => ({ headers: headers('text/plain'), body: 'Not found\n' })

const headers = (type: string): Readonly<Record<string, string>> => ({
  'content-type': `${type}; charset=utf-8`,
  'cache-control': 'no-store',
  connection: 'close',
  'content-security-policy': `default-src 'none'; frame-ancestors 'none'; script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
})

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
