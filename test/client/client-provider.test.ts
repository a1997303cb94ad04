/** How a client identifies itself at servers that it did not know: registered in advance, by a document, or by registration. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ClientInformation,
  type ClientProviderOptions,
  clientCredentials,
  clientSecretBasic,
  createClientProvider,
  createIssuer,
  type Issuer,
  privateKeyJwt,
} from '@tessera/client'
import { callback } from '../support/sign-in.ts'
import { world } from '../support/world.ts'
import { startTessera } from './servers.ts'
import { createKey } from './token-server.ts'

const document = 'https://editor.example/client.json'
const registration = {
  client_name: 'Editor',
  redirect_uris: ['http://127.0.0.1/callback'],
  grant_types: ['authorization_code'],
  token_endpoint_auth_method: 'none',
}

/** Starts Tessera with registration, and counts the requests to register. */
async function start(open: boolean, documents: boolean) {
  const {
    server,
    issuer: url,
    fetch,
    sent,
  } = await startTessera({
    ...world,
    registration: {
      mode: open ? 'open' : 'off',
      allowed_grant_types: ['authorization_code', 'client_credentials'],
      allowed_scope: 'openid api1',
      ...(documents && { metadata_documents: { mode: 'open' } }),
    },
  })
  const issuer = createIssuer(url, { fetch, now: server.clock.now })
  const bodies = () =>
    sent.filter(({ url }) => url.endsWith('/connect/register')).map(({ init }) => JSON.parse(`${init.body}`))
  const provide = (options: ClientProviderOptions) => createClientProvider({ fetch, ...options })(issuer)
  return { server, issuer, fetch, bodies, provide }
}

test('client provider: a client that was registered in advance comes first, for its server only', async () => {
  const { issuer, fetch, provide, bodies } = await start(true, true)
  const own = { client_id: 'client', authentication: clientSecretBasic('secret') }
  const client = await provide({
    registered: { [issuer.url]: own },
    metadataDocument: document,
    registration,
  })
  assert.ok((await clientCredentials(client, { scope: 'api1' })).ok)
  const elsewhere = await provide({
    registered: { 'https://other.example': own },
    metadataDocument: document,
  })
  assert.equal(elsewhere.client_id, document)
  // An issuer identifier is not looked up in the prototype.
  const odd = createIssuer('constructor', { fetch })
  await assert.rejects(createClientProvider({ metadataDocument: document })(odd), {
    code: 'issuer_not_allowed',
  })
  assert.equal(bodies().length, 0)
})

test('client provider: the metadata document is used where the server reads documents, otherwise the client registers', async () => {
  const reading = await start(true, true)
  const options = { metadataDocument: document, registration }
  assert.equal((await reading.provide(options)).client_id, document)
  assert.equal(reading.bodies().length, 0)
  const registering = await start(true, false)
  const { client_id, authentication } = await registering.provide(options)
  assert.notEqual(client_id, document)
  assert.equal(authentication.method, 'none')
  assert.equal(registering.bodies().length, 1)
})

test('client provider: a client authenticates with its key, by its document and after a registration', async () => {
  const key = await createKey('ES256')
  const authentication = privateKeyJwt(key.jwk as never)
  const { provide } = await start(true, true)
  const method = { token_endpoint_auth_method: 'private_key_jwt' }
  const { kty, crv, x, y, kid } = key.jwk as unknown as Record<string, string>
  const jwks = { keys: [{ kty, crv, x, y, kid }] }
  const byDocument = await provide({ metadataDocument: document, authentication })
  assert.equal(byDocument.authentication, authentication)
  const registered = await provide({
    registration: { ...registration, ...method, jwks } as never,
    authentication,
  })
  assert.equal(registered.authentication, authentication)
})

for (const method of ['client_secret_basic', 'client_secret_post'])
  test(`client provider: the secret of a registration is used with ${method}`, async () => {
    const { provide } = await start(true, false)
    const client = await provide({
      registration: {
        ...registration,
        redirect_uris: [callback],
        grant_types: ['authorization_code', 'client_credentials'],
        token_endpoint_auth_method: method,
      },
    })
    assert.equal(client.authentication.method, method)
    assert.ok((await clientCredentials(client, { scope: 'api1' })).ok)
  })

test('client provider: a registration is stored by issuer, shared by concurrent calls, and used again', async () => {
  const { issuer, fetch, bodies } = await start(true, false)
  const stored = new Map<string, ClientInformation>()
  const store = {
    load: async (url: string) => stored.get(url),
    save: async (url: string, information: ClientInformation) => void stored.set(url, information),
  }
  const provide = createClientProvider({ fetch, registration, store })
  const clients = await Promise.all([provide(issuer), provide(issuer), provide(issuer)])
  assert.equal(new Set(clients.map(({ client_id }) => client_id)).size, 1)
  assert.deepEqual([...stored.keys()], [issuer.url])
  const again = await createClientProvider({ fetch, registration, store })(issuer)
  assert.equal(again.client_id, clients[0]?.client_id)
  assert.equal(bodies().length, 1)
})

test('client provider: without a store, it remembers the 1000 servers that were used last', async () => {
  const registered: string[] = []
  const fetch = async (url: string | URL | Request) => {
    registered.push(new URL(String(url)).host)
    return Response.json({ client_id: `c${registered.length}`, ...registration }, { status: 201 })
  }
  const provide = createClientProvider({ fetch: fetch as never, registration })
  const use = (index: number) => {
    const url = `https://as-${index}.example`
    const endpoints = { token_endpoint: `${url}/token`, registration_endpoint: `${url}/register` }
    return provide(createIssuer(url, { fetch: fetch as never, metadata: { issuer: url, ...endpoints } }))
  }
  for (let index = 0; index < 1000; index++) await use(index)
  const { client_id } = await use(0)
  await use(1000)
  assert.equal(registered.length, 1001)
  assert.equal((await use(0)).client_id, client_id)
  assert.equal(registered.length, 1001)
  await use(1)
  assert.equal(registered.length, 1002)
})

test('client provider: a registration whose secret has expired is replaced', async () => {
  const { issuer, fetch, bodies } = await start(true, false)
  const expired = (client_secret_expires_at: number): ClientInformation => ({
    ...{ client_id: 'old', client_secret: 's', client_secret_expires_at },
    ...{ metadata: {}, members: {} },
  })
  const clientOf = async (expiry: number) => {
    const store = { load: async () => expired(expiry), save: async () => undefined }
    return (await createClientProvider({ fetch, registration, store })(issuer)).client_id
  }
  assert.equal(await clientOf(0), 'old')
  assert.equal(await clientOf(issuer.now() + 1), 'old')
  assert.equal(bodies().length, 0)
  assert.notEqual(await clientOf(issuer.now()), 'old')
  assert.equal(bodies().length, 1)
})

test('client provider: a registration that the server no longer knows is replaced once', async () => {
  const { issuer, fetch, bodies } = await start(true, false)
  const provide = createClientProvider({ fetch, registration })
  const old = await provide(issuer)
  const replaced = await provide(issuer, old)
  assert.notEqual(replaced.client_id, old.client_id)
  // Another request may learn of it later.
  assert.equal((await provide(issuer, old)).client_id, replaced.client_id)
  assert.equal((await provide(issuer)).client_id, replaced.client_id)
  assert.equal(bodies().length, 2)
})

for (const [supported, sent, method] of [
  [['client_secret_post', 'none', 'client_secret_basic'], 'none', 'none'],
  [['client_secret_post', 'client_secret_basic'], 'client_secret_basic', 'client_secret_basic'],
  [['private_key_jwt', 'client_secret_post'], 'client_secret_post', 'client_secret_post'],
  [['private_key_jwt'], undefined, 'client_secret_basic'],
  [undefined, undefined, 'client_secret_basic'],
] as const)
  test(`client provider: at a server with ${supported?.join(' ') ?? 'no list of methods'}, it registers with ${sent ?? 'no method'}`, async () => {
    const bodies: { token_endpoint_auth_method?: string }[] = []
    const issuer = createIssuer('https://id.example', {
      metadata: {
        issuer: 'https://id.example',
        registration_endpoint: 'https://id.example/register',
        ...(supported && { token_endpoint_auth_methods_supported: supported }),
      },
      async fetch(_, init) {
        bodies.push(JSON.parse(`${init.body}`))
        // It leaves out what it registered unchanged.
        return Response.json({ client_id: 'new', client_secret: 's' }, { status: 201 })
      },
    })
    const { authentication } = await createClientProvider({ registration: { redirect_uris: [callback] } })(
      issuer,
    )
    assert.deepEqual([bodies[0]?.token_endpoint_auth_method, authentication.method], [sent, method])
  })

test('client provider: without any way, the error says what to do; a refused registration has the error of the server', async () => {
  const closed = await start(false, false)
  for (const options of [{ registration }, { metadataDocument: document }, {}])
    await assert.rejects(closed.provide(options), { code: 'client_unavailable', kind: 'unsupported' })
  const { provide } = await start(true, false)
  const refused = provide({ registration: { ...registration, redirect_uris: ['http://web.example/cb'] } })
  await assert.rejects(refused, (error: { code: string; description: string }) => {
    assert.equal(error.code, 'invalid_redirect_uri')
    assert.match(error.description, /redirect_uris/)
    return true
  })
})

/** Redirect URIs, and the type that the client registers with. */
const types: readonly (readonly [uris: readonly string[], type: string | undefined])[] = [
  [['https://app.example/cb'], 'web'],
  [['http://127.0.0.1/cb'], 'native'],
  [['http://[::1]:8080/cb'], 'native'],
  [['http://localhost:3000/cb'], 'native'],
  [['https://localhost:3000/cb'], 'native'],
  [['com.example.app:/cb'], 'native'],
  [['cursor://anysphere.cursor-mcp/cb'], 'native'],
  [['https://app.example/cb', 'http://localhost/cb'], 'native'],
  [[], undefined],
]

for (const [redirect_uris, type] of types)
  test(`client provider: a client with ${redirect_uris.join(' ') || 'no redirect URI'} registers as ${type ?? 'neither'} [OpenID Connect Dynamic Client Registration 1.0 §2]`, async () => {
    const bodies: { application_type?: string }[] = []
    const issuer: Issuer = createIssuer('https://id.example', {
      metadata: { issuer: 'https://id.example', registration_endpoint: 'https://id.example/register' },
      async fetch(_, init) {
        const body = JSON.parse(`${init.body}`)
        bodies.push(body)
        return Response.json({ ...body, client_id: 'new' }, { status: 201 })
      },
    })
    const sent = async (metadata: object) => {
      await createClientProvider({ registration: metadata })(issuer)
      return bodies.at(-1)?.application_type
    }
    assert.equal(await sent({ redirect_uris }), type)
    assert.equal(await sent({ redirect_uris, application_type: 'web' }), 'web')
  })
