/** The page of the check-session frame (OpenID Connect Session Management 1.0 §3): nothing but a script. */

import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'

type CheckSessionPage = { readonly html: string; readonly headers: Readonly<Record<string, string>> }

/** @param cookieName the cookie that the script reads, which this server chooses, so it needs no escaping. */
export function createCheckSessionPage(cookieName: string): CheckSessionPage {
  const script = readFileSync(new URL('./check-session.js', import.meta.url), 'utf8')
  return {
    html: `<!doctype html><html lang="en" data-cookie="${cookieName}"><head><meta charset="utf-8"><title>Session</title><script>${script}</script></head></html>`,
    headers: {
      // The only page that any site may frame. It shows nothing, and only reveals whether a known sign-in is unchanged.
      'content-security-policy': `default-src 'none'; script-src 'sha256-${hash('sha256', script, 'base64')}'; base-uri 'none'; form-action 'none'`,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
  }
}
