/** A relying party for the conformance suite: each sign-in ends with a JSON document that shows its outcome. */

import {
  type Client,
  type CompletedAuthorization,
  clientSecretBasic,
  clientSecretJwt,
  clientSecretPost,
  completeAuthorization,
  createAuthorizationRequest,
  createClient,
  createIssuer,
  type Fetch,
  fetchUserinfo,
  findIssuer,
  type Issuer,
  issuerKeys,
  noAuthentication,
  type PendingAuthorization,
  privateKeyJwt,
  refreshToken,
  registerClient,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import { createRequestObjects, type RequestObjects } from './request-object.ts'
import type { Settings } from './settings.ts'

type SignIn = { readonly client: Client; readonly pending: PendingAuthorization }

export type App = (request: Request) => Promise<Response>

export async function createApp(settings: Settings, fetch?: Fetch): Promise<App> {
  const { baseUrl } = settings
  const objects = await createRequestObjects(settings)
  const signIns = new Map<string, SignIn>()
  let latest: Promise<Client> | undefined

  /** Sends the user to the server, as a client that knows nothing about it yet, or with `?again` as the previous one. */
  async function start({ searchParams }: URL): Promise<Response> {
    if (!latest || !searchParams.has('again')) latest = connect(settings, objects, fetch)
    const client = await latest
    const { url, pending } = unwrap(
      await createAuthorizationRequest(client, {
        redirect_uri: `${baseUrl}/callback`,
        response_type: settings.response_type,
        response_mode: settings.response_mode,
        scope: settings.scope,
        prompt: settings.prompt,
        max_age: settings.max_age,
        sign: objects.signing,
      }),
    )
    const id = crypto.randomUUID()
    signIns.set(id, { client, pending })
    const location = await objects.refer(client, url)
    return new Response(null, { status: 302, headers: { location, 'set-cookie': cookieOf(id, baseUrl) } })
  }

  async function callback(request: Request): Promise<Response> {
    const posted = request.method === 'POST'
    const parameters = new URLSearchParams(posted ? await request.text() : new URL(request.url).search)
    // The parameters are in the fragment, which only a script sees.
    if (!posted && parameters.size === 0) return page(forwardFragment)
    const id = /\brp=([\w-]+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? ''
    const signIn = signIns.get(id)
    signIns.delete(id)
    if (!signIn) return refused({ code: 'no_sign_in', message: 'this browser has not started a sign-in' })
    return Response.json(await finish(signIn, parameters, settings))
  }

  return async request => {
    const url = new URL(request.url)
    try {
      if (url.pathname === '/') return page('<a href="/start">Sign in</a>')
      if (url.pathname === '/start') return await start(url)
      if (url.pathname === '/callback') return await callback(request)
      const step = Object.hasOwn(steps, url.pathname) ? steps[url.pathname] : undefined
      if (step) return Response.json(await step(await findServer(settings, fetch), settings, objects))
      if (url.pathname === '/request-object') return objects.serve()
      if (url.pathname === '/jwks') return Response.json(objects.jwks)
      return new Response('not found', { status: 404 })
    } catch (error) {
      return refused(error)
    }
  }
}

/** The suite may take long to create its keys. */
const timeout = 60

async function connect(settings: Settings, objects: RequestObjects, fetch?: Fetch): Promise<Client> {
  const issuer = await findServer(settings, fetch)
  const { client_id, client_secret } = settings.client_id
    ? { client_id: settings.client_id, client_secret: settings.client_secret }
    : await register(issuer, settings, objects)
  const authentication = authenticationOf(settings, objects, client_secret)
  return createClient({ issuer, client_id, fetch, timeout, authentication })
}

async function findServer({ issuer, resource = '' }: Settings, fetch?: Fetch): Promise<Issuer> {
  return createIssuer(issuer ?? unwrap(await findIssuer(resource, { fetch, timeout })), { fetch, timeout })
}

/** Single steps, for the modules that end with one: any later request would fail them. */
const steps: Readonly<
  Record<string, (issuer: Issuer, settings: Settings, objects: RequestObjects) => Promise<object>>
> = {
  '/discover': async issuer => ({ outcome: 'discovered', metadata: unwrap(await issuer.metadata()) }),
  '/keys': async issuer => ({
    outcome: 'keys_found',
    keys: unwrap(await issuerKeys(issuer).find({ alg: 'RS256' })).length,
  }),
  async '/register'(issuer, settings, objects) {
    const { client_id } = await register(issuer, settings, objects)
    return { outcome: 'registered', client_id }
  },
}

async function register(issuer: Issuer, settings: Settings, objects: RequestObjects) {
  const types = settings.response_type.split(' ')
  const metadata = {
    redirect_uris: [`${settings.baseUrl}/callback`],
    response_types: [settings.response_type],
    grant_types: [
      ...(types.includes('code') ? ['authorization_code'] : []),
      ...(types.length > 1 || !types.includes('code') ? ['implicit'] : []),
      ...(settings.refresh ? ['refresh_token'] : []),
    ],
    token_endpoint_auth_method: settings.authMethod,
    client_name: 'Tessera conformance RP',
    contacts: ['rp@example.com'],
    jwks: objects.jwks,
    ...(settings.signedUserinfo && { userinfo_signed_response_alg: 'RS256' }),
    ...(settings.requestObject !== 'none' && { request_object_signing_alg: settings.requestObjectAlg }),
    ...(settings.requestObject === 'reference' && { request_uris: [`${settings.baseUrl}/request-object`] }),
  }
  return unwrap(await registerClient(issuer, metadata))
}

function authenticationOf(
  { authMethod, assertionAudience: audience }: Settings,
  { key }: RequestObjects,
  secret = '',
) {
  const methods: Readonly<
    Record<string, () => NonNullable<Parameters<typeof createClient>[0]['authentication']>>
  > = {
    client_secret_basic: () => clientSecretBasic(secret),
    client_secret_post: () => clientSecretPost(secret),
    client_secret_jwt: () => clientSecretJwt(secret, { audience }),
    private_key_jwt: () => privateKeyJwt(key, { audience }),
    none: noAuthentication,
  }
  const method = methods[authMethod]
  if (!method) throw new Error(`unknown CLIENT_AUTH_METHOD ${authMethod}`)
  return method()
}

/** Validates the response and everything that follows from it. Throws the first error. */
async function finish(
  { client, pending }: SignIn,
  parameters: URLSearchParams,
  { refresh }: Settings,
): Promise<object> {
  const completed: Partial<CompletedAuthorization> = pending.response_type.includes('code')
    ? unwrap(await completeAuthorization(client, parameters, pending))
    : unwrap(await validateAuthorizationResponse(client, parameters, pending))
  const { claims, refresh_token = '' } = completed
  const { access_token } = refresh
    ? unwrap(await refreshToken(client, refresh_token, { previous: claims }))
    : completed
  const userinfo = access_token && claims && unwrap(await fetchUserinfo(client, access_token, claims.sub))
  return { outcome: 'signed_in', claims: claims ?? null, userinfo: userinfo ?? null }
}

function refused(error: unknown): Response {
  const { code, kind, message } = error as { code?: string; kind?: string; message?: string }
  return Response.json({ outcome: 'refused', error: { code, kind, message } }, { status: 400 })
}

/** A form post of another site brings the cookie only with `SameSite=None`, which requires https. */
const cookieOf = (id: string, baseUrl: string): string =>
  `rp=${id}; HttpOnly; Path=/${baseUrl.startsWith('https:') ? '; SameSite=None; Secure' : ''}`

const page = (body: string): Response =>
  new Response(`<!doctype html><title>Conformance RP</title>${body}`, {
    headers: { 'content-type': 'text/html' },
  })

const forwardFragment = `<form method="post" action="/callback"></form><script>
for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
  const input = document.createElement('input')
  Object.assign(input, { type: 'hidden', name, value })
  document.forms[0].append(input)
}
document.forms[0].submit()
</script>`
