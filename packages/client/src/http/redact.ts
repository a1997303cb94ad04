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

const replacement = '[redacted]'

/**
 * Returns a text of the server with `[redacted]` for each secret, also for one with characters in percent-encoding (RFC
 * 3986 §2.1) or form-encoding. An error code remains, even if it is a secret as well.
 */
export const redact = (text: string | undefined, secrets: readonly string[]): string | undefined =>
  text === undefined || /^[a-z_]{1,60}$/.test(text)
    ? text
    : secrets
        .filter(secret => secret.length >= minLength)
        .reduce((rest, secret) => redactEncoded(rest.replaceAll(secret, replacement), secret), text)

/** Compares bytes, since a character can be encoded as several, and any of them can be encoded. */
function redactEncoded(text: string, secret: string): string {
  if (!/[%+]/.test(text)) return text
  const wanted = bytesOf(secret.replaceAll('+', ' '))
  const sent = bytesOf(text)
  let decoded = ''
  /** Where each byte of `decoded` begins in `sent`. */
  const begins: number[] = []
  for (let at = 0; at < sent.length; ) {
    const character = sent[at]!
    const hex = character === '%' ? /^[\da-f]{2}$/i.exec(sent.slice(at + 1, at + 3)) : null
    const byte = hex ? String.fromCharCode(Number.parseInt(hex[0], 16)) : character
    // `+` is a space in a form, and `%2B` is a plus sign in both.
    decoded += byte === '+' ? ' ' : byte
    begins.push(at)
    at += hex ? 3 : 1
  }
  begins.push(sent.length)
  let rest = ''
  let end = 0
  for (let at = decoded.indexOf(wanted); at >= 0; at = decoded.indexOf(wanted, at + wanted.length)) {
    rest += sent.slice(end, begins[at]) + replacement
    end = begins[at + wanted.length]!
  }
  return end === 0 ? text : textOf(rest + sent.slice(end))
}

/** Returns the bytes of a text in UTF-8, each as one character. */
const bytesOf = (text: string): string =>
  Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join('')

const textOf = (bytes: string): string =>
  new TextDecoder().decode(Uint8Array.from(bytes, byte => byte.charCodeAt(0)))
