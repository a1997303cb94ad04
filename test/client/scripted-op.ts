/**
 * An OpenID provider that does what a test says, as the modules of the conformance suite for relying parties do: each
 * deviates from the specification in one point. It runs in this process, behind a `fetch` of its own.
 */

import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import type { Fetch } from '@tessera/client'
import { base64url, type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

type Members = Readonly<Record<string, unknown>>

/** The points in which the provider deviates. Functions return what is sent instead. */
export type Deviation = {
  readonly metadata?: (metadata: Members) => Members
  readonly idToken?: (claims: Members) => Members
  /** `wrong_key`: the key set contains another key of the same `kid`. `broken`: one bit of the signature is changed. */
  readonly signature?: 'none' | 'wrong_key' | 'broken' | 'secret'
  /** The algorithm of ID tokens; the default is RS256. */
  readonly alg?: 'RS256' | 'ES256'
  /** Whether tokens and the key set name no `kid`. */
  readonly withoutKid?: boolean
  /** Keys of the set besides the one that signs. */
  readonly otherKeys?: readonly Members[] | 'same_type'
  /** `at_sign_in`: the keys are replaced at each authorization request. */
  readonly rotation?: 'at_sign_in' | 'before_signing'
  readonly userinfo?: (claims: Members) => Members
  /** Whether the userinfo response is a signed JWT. */
  readonly signedUserinfo?: boolean
  readonly response?: (parameters: Members) => Members
  /** Added to the issuer, but not to the paths of its endpoints. */
  readonly issuerSuffix?: string
  /** Whether token responses contain a refresh token; a function changes the ID tokens that refreshes return. */
  readonly refresh?: true | ((claims: Members) => Members)
}

export type AuthorizationAnswer = {
  readonly mode: 'query' | 'fragment' | 'form_post'
  readonly redirectUri: string
  readonly parameters: URLSearchParams
}

type Key = { readonly kid: string; readonly privateKey: CryptoKey; readonly jwk: JWK }

/** RSA keys take long to create, so that the providers of a test file share them. */
const pool = new Map<string, Promise<Key>>()

async function createKey(alg: string): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  const kid = randomUUID()
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

function poolKey(index: number, alg = 'RS256'): Promise<Key> {
  const id = `${alg} ${index}`
  const key = pool.get(id) ?? createKey(alg)
  pool.set(id, key)
  return key
}

export const opOrigin = 'https://op.example'

const user = {
  sub: 'user-1',
  name: 'Alice Adams',
  given_name: 'Alice',
  family_name: 'Adams',
  email: 'alice@example.com',
  email_verified: true,
  phone_number: '+44 20 7946 0000',
  address: { country: 'UK' },
}

/** @param path the path of the issuer, with its slashes. */
export function createScriptedOp(
  deviation: Deviation = {},
  path = '/test/a/tessera/',
  serverOrigin = opOrigin,
) {
  const base = `${serverOrigin}${path}`
  const { issuerSuffix = '', alg = 'RS256' } = deviation
  const issuer = `${base}${issuerSuffix}`
  const requests: { readonly endpoint: string; readonly request: Request; readonly form: URLSearchParams }[] =
    []
  const clients = new Map<string, Members>()
  const codes = new Map<string, { readonly nonce: string | null; readonly challenge: string | null }>()
  let keyIndex = 0

  const publicKeys = async (): Promise<readonly Members[]> => {
    const { kid, jwk } = await poolKey(keyIndex, alg)
    const published =
      deviation.signature === 'wrong_key' ? { ...(await poolKey(keyIndex + 1, alg)).jwk, kid } : jwk
    const more =
      deviation.otherKeys === 'same_type' ? [(await poolKey(keyIndex + 2)).jwk] : deviation.otherKeys
    return [...(more ?? []), published].map(key => (deviation.withoutKid ? { ...key, kid: undefined } : key))
  }

  async function sign(claims: Members, client_id: string): Promise<string> {
    const { signature, withoutKid = false } = deviation
    if (signature === 'none')
      return `${base64url.encode('{"alg":"none"}')}.${base64url.encode(JSON.stringify(claims))}.`
    if (signature === 'secret')
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256' })
        .sign(
          new TextEncoder().encode(`${clients.get(client_id)?.client_secret ?? client_id}`.padEnd(32, '.')),
        )
    const { kid, privateKey } = await poolKey(keyIndex, alg)
    const token = await new SignJWT(JSON.parse(JSON.stringify(claims)))
      .setProtectedHeader({ alg, ...(!withoutKid && { kid }) })
      .sign(privateKey)
    if (signature !== 'broken') return token
    const [head, body, end = ''] = token.split('.')
    return `${head}.${body}.${end.startsWith('A') ? 'B' : 'A'}${end.slice(1)}`
  }

  async function idToken(
    client_id: string,
    nonce: string | null,
    parts: Members,
    change = deviation.idToken,
  ): Promise<string> {
    if (deviation.rotation === 'before_signing') keyIndex++
    const now = Math.floor(Date.now() / 1000)
    const hashes = Object.fromEntries(
      Object.entries(parts).map(([name, text]) => [name, halfHash(`${text}`)]),
    )
    const claims = {
      iss: issuer,
      sub: user.sub,
      aud: client_id,
      iat: now,
      exp: now + 300,
      nonce: nonce ?? undefined,
      ...hashes,
    }
    return sign(change?.(claims) ?? claims, client_id)
  }

  /** Plays the authorization endpoint with a user who signs in and allows everything. */
  async function authorize(url: string): Promise<AuthorizationAnswer> {
    const query = new URL(url).searchParams
    const parameters = await requestParameters(query)
    const text = (name: string): string => `${parameters[name] ?? ''}`
    requests.push({
      endpoint: 'authorize',
      request: new Request(url),
      form: new URLSearchParams(parameters as never),
    })
    if (deviation.rotation === 'at_sign_in') keyIndex++
    const client_id = text('client_id')
    const types = text('response_type').split(' ')
    const code = types.includes('code') ? randomUUID() : undefined
    const access_token = types.includes('token') ? randomUUID() : undefined
    const nonce = text('nonce') || null
    if (code) codes.set(code, { nonce, challenge: text('code_challenge') || null })
    const sent: Members = {
      state: text('state'),
      ...(code && { code }),
      ...(access_token && { access_token, token_type: 'Bearer', expires_in: '300' }),
      ...(types.includes('id_token') && {
        id_token: await idToken(client_id, nonce, {
          ...(access_token && { at_hash: access_token }),
          ...(code && { c_hash: code }),
        }),
      }),
    }
    return {
      mode: (text('response_mode') || (types.join() === 'code' ? 'query' : 'fragment')) as 'query',
      redirectUri: text('redirect_uri'),
      parameters: new URLSearchParams((deviation.response?.(sent) ?? sent) as Record<string, string>),
    }
  }

  /** Returns the parameters of the request object, if there is one (OpenID Connect Core 1.0 §6). */
  async function requestParameters(query: URLSearchParams): Promise<Members> {
    const plain = Object.fromEntries(query)
    const object = plain.request ?? (plain.request_uri && (await op.fetchRequestObject(plain.request_uri)))
    if (!object) return plain
    const [head = '', body = ''] = object.split('.')
    op.requestObjectHeaders.push(JSON.parse(new TextDecoder().decode(base64url.decode(head))))
    return { ...plain, ...JSON.parse(new TextDecoder().decode(base64url.decode(body))) }
  }

  const metadata = (): Members => {
    const published = {
      issuer,
      authorization_endpoint: `${base}authorize`,
      token_endpoint: `${base}token`,
      userinfo_endpoint: `${base}userinfo`,
      registration_endpoint: `${base}register`,
      jwks_uri: `${base}jwks`,
      response_types_supported: [
        'code',
        'id_token',
        'id_token token',
        'code id_token',
        'code token',
        'code id_token token',
      ],
      response_modes_supported: ['query', 'fragment', 'form_post'],
      id_token_signing_alg_values_supported: ['none', 'RS256'],
      subject_types_supported: ['public'],
      request_parameter_supported: true,
      request_uri_parameter_supported: true,
    }
    return deviation.metadata?.(published) ?? published
  }

  const endpoints: Readonly<Record<string, (request: Request, form: URLSearchParams) => Promise<Response>>> =
    {
      '.well-known/openid-configuration': async () => Response.json(metadata()),
      jwks: async () => Response.json({ keys: await publicKeys() }),
      async register(request) {
        const wanted = await request.json()
        const client = { client_id: randomUUID(), client_secret: randomUUID(), ...wanted }
        clients.set(client.client_id, client)
        return Response.json(client, { status: 201 })
      },
      async token(request, form) {
        const [, basic = ''] = /^Basic (.+)$/.exec(request.headers.get('authorization') ?? '') ?? []
        const client_id = form.get('client_id') ?? decodeURIComponent(atob(basic).split(':')[0] ?? '')
        const { refresh } = deviation
        const used = form.get('code') ?? form.get('refresh_token') ?? ''
        const redeemed = codes.get(used)
        codes.delete(used)
        const access_token = randomUUID()
        const tokens = {
          access_token,
          token_type: 'Bearer',
          expires_in: 300,
          ...(refresh && { refresh_token: randomUUID() }),
        }
        const hashes = { at_hash: access_token }
        if (redeemed && tokens.refresh_token)
          codes.set(tokens.refresh_token, { nonce: redeemed.nonce, challenge: null })
        if (redeemed && form.get('grant_type') === 'refresh_token') {
          const change = refresh === true ? undefined : refresh
          return Response.json({
            ...tokens,
            id_token: await idToken(client_id, redeemed.nonce, hashes, change),
          })
        }
        const challenge = createHash('sha256')
          .update(form.get('code_verifier') ?? '')
          .digest('base64url')
        if (!redeemed || (redeemed.challenge && redeemed.challenge !== challenge))
          return Response.json({ error: 'invalid_grant' }, { status: 400 })
        return Response.json({ ...tokens, id_token: await idToken(client_id, redeemed.nonce, hashes) })
      },
      async userinfo() {
        const claims = deviation.userinfo?.(user) ?? user
        if (!deviation.signedUserinfo) return Response.json(claims)
        const client_id = [...clients.keys()].at(-1) ?? 'static'
        const { kid, privateKey } = await poolKey(keyIndex)
        const token = await new SignJWT({ ...claims, iss: issuer, aud: client_id })
          .setProtectedHeader({ alg: 'RS256', kid })
          .sign(privateKey)
        return new Response(token, { headers: { 'content-type': 'application/jwt' } })
      },
    }

  const fetch: Fetch = async (url, init) => {
    const request = new Request(url, init)
    const { origin, pathname } = new URL(url)
    if (origin !== serverOrigin) throw new TypeError(`no server at ${url}`)
    const relative = pathname.startsWith(path) ? pathname.slice(path.length) : pathname
    const endpoint = issuerSuffix ? relative.replace(`${issuerSuffix}/`, '') : relative
    const form = new URLSearchParams(await request.clone().text())
    requests.push({ endpoint, request, form })
    if (endpoint === '/.well-known/webfinger')
      return Response.json({ links: [{ rel: 'http://openid.net/specs/connect/1.0/issuer', href: issuer }] })
    return endpoints[endpoint]?.(request, form) ?? new Response('', { status: 404 })
  }

  const op = {
    issuer,
    fetch,
    authorize,
    /** Each request that was received, the oldest first. */
    requests,
    endpoints: (): readonly string[] => requests.map(({ endpoint }) => endpoint),
    /** Registered clients, the oldest first. */
    clients: (): readonly Members[] => [...clients.values()],
    /** Headers of the request objects that were received. */
    requestObjectHeaders: [] as Members[],
    /** Fetches a request object by its `request_uri`. A test replaces it. */
    fetchRequestObject: async (uri: string): Promise<string> => assert.fail(`no request object at ${uri}`),
  }
  return op
}

/** OpenID Connect Core 1.0 §3.1.3.6. */
const halfHash = (text: string): string =>
  createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url')
