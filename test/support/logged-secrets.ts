/** Finds secrets of a request and its response in the log. Every in-process test applies it to each of its requests. */

import type { HttpResponse } from '@tessera/protocol/http'
import { secretFields } from '../../packages/server/src/operations/secret-fields.ts'

/** Characters. Shorter values of tests, such as the password `bob`, also occur in names. */
const shortest = 16

const isSecret = (name: string): boolean => secretFields.has(name) || moreSecrets.has(name)
const moreSecrets: ReadonlySet<string> = new Set([
  ...['new_password', 'logout_token', 'registration_access_token', 'link', 'continue', 'csrf', 'ticket'],
  ...['request', 'request_uri', 'response', 'SAMLResponse', 'software_statement'],
])

type Sent = {
  readonly query: string
  readonly body: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** Returns the secrets that a request contained and that its response handed out. */
export function secretsOf({ query, body, headers }: Sent, response: HttpResponse): readonly string[] {
  const found = [
    ...ofParameters(query),
    ...ofParameters(body),
    ...ofAuthorization(headers.authorization),
    ...ofCookies(headers.cookie),
    ...ofJson(response.body),
    ...[response.headers.location ?? []].flat().flatMap(ofLocation),
    ...[response.headers['set-cookie'] ?? []].flat().flatMap(ofCookies),
  ]
  return [...new Set(found)].filter(value => value.length >= shortest)
}

/** Returns the lines that contain a secret. */
export const linesWithSecrets = (
  lines: readonly object[],
  secrets: readonly string[],
): readonly { readonly line: object; readonly secret: string }[] =>
  secrets.length === 0
    ? []
    : lines.flatMap(line => {
        const text = textOf(line)
        return secrets.filter(secret => text.includes(secret)).map(secret => ({ line, secret }))
      })

/** Many requests at once each read all lines that were written meanwhile. */
const texts = new WeakMap<object, string>()

function textOf(line: object): string {
  const known = texts.get(line)
  if (known !== undefined) return known
  const text = JSON.stringify(line)
  texts.set(line, text)
  return text
}

const ofParameters = (text: string): readonly string[] =>
  [...new URLSearchParams(text)].filter(([name]) => isSecret(name)).map(([, value]) => value)

function ofAuthorization(header = ''): readonly string[] {
  const [scheme = '', value = ''] = header.split(' ')
  if (scheme.toLowerCase() !== 'basic') return [value]
  // A name may contain colons.
  const secret = Buffer.from(value, 'base64').toString().split(':').at(-1) ?? ''
  return [value, secret]
}

const ofCookies = (header = ''): readonly string[] =>
  header.split(/; ?/).map(pair => pair.slice(pair.indexOf('=') + 1))

function ofJson(body: string): readonly string[] {
  if (!body.startsWith('{')) return []
  try {
    return Object.entries(JSON.parse(body)).flatMap(([name, value]) =>
      isSecret(name) && typeof value === 'string' ? [value] : [],
    )
  } catch {
    return []
  }
}

const ofLocation = (location: string): readonly string[] => {
  const [, query = '', fragment = ''] = /^[^?#]*\??([^#]*)#?(.*)$/.exec(location) ?? []
  return [...ofParameters(query), ...ofParameters(fragment)]
}
