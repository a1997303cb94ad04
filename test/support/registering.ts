/** Self-registering clients in tests. */

import type { Answer, TestServer } from './tessera.ts'

export const jsonType = { 'content-type': 'application/json' }

export const bearer = (token: string): { readonly authorization: string } => ({
  authorization: `Bearer ${token}`,
})

export const register = (
  server: Pick<TestServer, 'send'>,
  metadata: object,
  headers: object = {},
): Promise<Answer> =>
  server.send('POST', '/connect/register', {
    headers: { ...jsonType, ...headers },
    body: JSON.stringify(metadata),
  })

/** Sends a request to a registered client's own address. */
export const manage = (
  server: Pick<TestServer, 'send'>,
  method: 'GET' | 'PUT' | 'DELETE',
  { registration_client_uri, registration_access_token }: Answer['json'],
  metadata?: object,
): Promise<Answer> =>
  server.send(method, new URL(registration_client_uri).pathname, {
    headers: { ...(metadata && jsonType), ...bearer(registration_access_token) },
    ...(metadata && { body: JSON.stringify(metadata) }),
  })
