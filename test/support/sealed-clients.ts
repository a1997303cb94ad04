/** Clients whose `client_id` is their sealed metadata, in tests. */

import { deflateRawSync } from 'node:zlib'
import { createClientIdSeal } from '../../packages/server/src/clients/sealed/client-id-seal.ts'
import { packMetadata } from '../../packages/server/src/clients/sealed/packed-metadata.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { createBrowser } from './browser.ts'
import { register } from './registering.ts'
import { answerOf, authorizePath, pagesWorld, signIn, verifier } from './sign-in.ts'
import { type Answer, createTestServer, issuer, masterKey, startOfTime, type TestServer } from './tessera.ts'

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

export const openSealing = (
  sealed?: object,
  registration?: object,
  given?: Parameters<typeof createTestServer>[1],
): Promise<TestServer> => createTestServer(sealing(sealed, registration), given)

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

const random = createRandom()

export const masterKeyBytes = new Uint8Array(Buffer.from(masterKey, 'base64'))

/** Returns the id of any metadata, as a server with this key and issuer would make it. */
export function forgeId(
  metadata: unknown = notes,
  {
    key = masterKeyBytes,
    of = issuer,
    issued_at = startOfTime,
    ends_at = issued_at + 86_400,
  }: {
    readonly key?: Uint8Array
    readonly of?: string
    readonly issued_at?: number
    readonly ends_at?: number
  } = {},
): string {
  const seal = createClientIdSeal({ issuer: of, derived: createDerivedKeys(key), random })
  // More than the server would pack is text that can't be read.
  const content = packMetadata((metadata ?? null) as never) ?? deflateRawSync('too long')
  return seal.seal(content, { issued_at, ends_at })
}

/** Returns an id that a server of tests made, of metadata that can't be read. It has a multiple of four characters. */
export function idOfLength(characters: number): string {
  const seal = createClientIdSeal({ issuer, derived: createDerivedKeys(masterKeyBytes), random })
  const bytes = ((characters - 'sealed1.'.length) * 3) / 4
  const content = Buffer.alloc(bytes - 9 - 16 - 16)
  return seal.seal(content, { issued_at: startOfTime, ends_at: startOfTime + 86_400 })
}
