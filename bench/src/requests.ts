/** Requests as bytes on the wire. */

import { parties } from './protocol.ts'

const basicOf = ({ client_id, client_secret }: { client_id: string; client_secret: string }): string =>
  `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`

/** A form post with HTTP Basic. */
export function post(
  path: string,
  client: { client_id: string; client_secret: string },
  form: string,
): string {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: ${basicOf(client)}`,
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${form.length}`,
    '',
    form,
  ].join('\r\n')
}

export const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`

export const codeForm = (code: string): string =>
  `grant_type=authorization_code&code=${code}&redirect_uri=${encodeURIComponent(parties.web.redirect_uri)}&code_verifier=${parties.verifier}`
