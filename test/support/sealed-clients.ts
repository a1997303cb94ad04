/** Clients whose `client_id` is their sealed metadata, in tests. */

import { createBrowser } from './browser.ts'
import { register } from './registering.ts'
import { answerOf, authorizePath, pagesWorld, signIn, verifier } from './sign-in.ts'
import { type Answer, createTestServer, type TestServer } from './tessera.ts'

export const sealedCallback = 'https://notes.example/cb'

/** The metadata of a public client. */
export const notes = {
  client_name: 'Notes',
  redirect_uris: [sealedCallback],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid profile offline_access',
}

export const sealing = (sealed: object = {}, registration: object = {}) => ({
  ...pagesWorld,
  registration: { mode: 'open', sealed_client_ids: { mode: 'issue', ...sealed }, ...registration },
})

export const openSealing = (...given: Parameters<typeof sealing>): Promise<TestServer> =>
  createTestServer(sealing(...given))

export const registerNotes = async (server: TestServer, changes: object = {}): Promise<string> =>
  (await register(server, { ...notes, ...changes })).json.client_id

export const sealedRequest = (client_id: string, changes: object = {}): string =>
  authorizePath({
    client_id,
    redirect_uri: sealedCallback,
    scope: 'openid profile offline_access',
    ...changes,
  })

/** Signs in and allows the client. */
export async function codeFor(server: TestServer, client_id: string, changes: object = {}) {
  const browser = createBrowser(server)
  const page = await browser.submit(await signIn(browser, sealedRequest(client_id, changes)), {
    button: 'yes',
  })
  return { browser, code: answerOf(page, sealedCallback).get('code') ?? '' }
}

export const redeemFor = (
  server: TestServer,
  client_id: string,
  code: string,
  more: object = {},
): Promise<Answer> =>
  server.token({
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: sealedCallback,
    client_id,
    ...more,
  })

export const refreshFor = (
  server: TestServer,
  client_id: string,
  refresh_token: string,
  more: object = {},
): Promise<Answer> => server.token({ grant_type: 'refresh_token', refresh_token, client_id, ...more })

/** Signs in, and redeems the code. */
export async function connectSealed(server: TestServer, client_id: string) {
  const { browser, code } = await codeFor(server, client_id)
  return { browser, tokens: (await redeemFor(server, client_id, code)).json }
}

export const userinfoStatus = async (server: TestServer, access_token: string): Promise<number> =>
  (await server.send('GET', '/connect/userinfo', { headers: { authorization: `Bearer ${access_token}` } }))
    .status
