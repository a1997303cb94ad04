/** Secrets of a request that a server repeats in the error of its response. */

import type { OutgoingRequest } from './transport.ts'

/** Parameters whose values are secrets, or can be used in place of one. */
const names = [
  'client_secret',
  'client_assertion',
  'assertion',
  'code',
  'code_verifier',
  'refresh_token',
  'device_code',
  'password',
  'token',
  'subject_token',
  'actor_token',
]

/** Returns the secrets in the form of a request, and that of Basic authentication (RFC 6749 §2.3.1). */
export function secretsOf({ body, headers }: OutgoingRequest): readonly string[] {
  const form = new URLSearchParams(body)
  const basic = /^Basic ([\w+/=]+)$/.exec(headers?.authorization ?? '')?.[1]
  const secret = basic === undefined ? '' : atob(basic).replace(/^[^:]*:/, '')
  const decoded = new URLSearchParams(`secret=${secret}`).getAll('secret')
  return [...decoded, ...names.flatMap(name => form.getAll(name))]
}

/** Characters of the shortest secret that is replaced. Shorter texts are parts of words. */
const minLength = 8

/** Returns a text of the server with `[redacted]` for each secret. An error code remains, even if it is a secret as well. */
export const redact = (text: string | undefined, secrets: readonly string[]): string | undefined =>
  text === undefined || /^[a-z_]{1,60}$/.test(text)
    ? text
    : secrets
        .filter(secret => secret.length >= minLength)
        .reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), text)
