/** Requests as bytes on the wire. */

import { type Party, redirectUri, verifier } from '../parties.ts'

const lines = (...all: readonly string[]): string => all.join('\r\n')

/**
 * A form post with HTTP Basic, or by a public client with its `client_id` (RFC 6749 §2.3.1, §3.2.1), and with a DPoP
 * proof (RFC 9449 §5).
 */
export const post = (
  path: string,
  client: Party | { readonly client_id: string },
  form: string,
  dpop?: string,
): string => {
  const body = 'client_secret' in client ? form : `${form}&client_id=${encodeURIComponent(client.client_id)}`
  return lines(
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    ...('client_secret' in client ? [`Authorization: Basic ${basic(client)}`] : []),
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${body.length}`,
    ...(dpop === undefined ? [] : [`DPoP: ${dpop}`]),
    '',
    body,
  )
}

const basic = ({ client_id, client_secret }: Party): string =>
  Buffer.from(`${client_id}:${client_secret}`).toString('base64')

export const get = (path: string): string => lines(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', '', '')

/** With an access token (RFC 6750 §2.1). */
export const getWithToken = (path: string, token: string): string =>
  lines(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', `Authorization: Bearer ${token}`, '', '')

export const clientCredentialsForm = (scope: string): string => `grant_type=client_credentials&scope=${scope}`

export const codeForm = (code: string): string =>
  `grant_type=authorization_code&code=${code}&redirect_uri=${encodeURIComponent(redirectUri)}&code_verifier=${verifier}`

export const refreshForm = (token: string): string => `grant_type=refresh_token&refresh_token=${token}`
