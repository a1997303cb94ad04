/**
 * The bare server: parses, signs, responds from memory and does nothing else. No server that does more can be faster.
 */

import { timingSafeEqual, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parse } from 'node:querystring'
import {
  api,
  apiRs256,
  challenge,
  lifetimes,
  machine,
  machineReference,
  machineRs256,
  redirectUri,
  user,
  userScope,
  web,
  webReference,
} from '../../parties.ts'
import type { Credential } from '../../rows/row.ts'
import { documentOf } from '../documents.ts'
import { answerBench } from '../protocol.ts'
import { accessClaims, createSigner, handle, idClaims, issuer, now, type Signer, sha256 } from '../tokens.ts'

type Kept = {
  readonly client_id: string
  readonly sub: string
  readonly scope: string
  readonly exp: number
}

const es256 = createSigner('ES256')
const rs256 = createSigner('RS256')

type Client = {
  readonly secret: Buffer
  readonly token: 'jwt' | 'reference'
  readonly api: typeof api | typeof apiRs256
  readonly signer: Signer
}
const client = (
  party: { client_secret: string },
  token: Client['token'],
  at: Client['api'] = api,
): Client => ({
  secret: sha256(party.client_secret),
  token,
  api: at,
  signer: at === api ? es256 : rs256,
})
const clients = new Map<string, Client>([
  [machine.client_id, client(machine, 'jwt')],
  [machineRs256.client_id, client(machineRs256, 'jwt', apiRs256)],
  [machineReference.client_id, client(machineReference, 'reference')],
  [web.client_id, client(web, 'jwt')],
  [webReference.client_id, client(webReference, 'reference')],
])

const codes = new Map<
  string,
  { readonly redirect_uri: string; readonly challenge: string; readonly client_id: string }
>()
const refreshTokens = new Map<string, { readonly client_id: string }>()
const referenceTokens = new Map<string, Kept>()
const whole = userScope.join(' ')

function accessToken(client_id: string, sub: string, scope: string): string {
  const { token, api: at, signer } = clients.get(client_id)!
  if (token === 'jwt') return signer.jwt('at+jwt', accessClaims(at, { client_id, sub, scope }))
  const value = handle()
  referenceTokens.set(value, { client_id, sub, scope, exp: now() + lifetimes.accessToken })
  return value
}

function userTokens(client_id: string): object {
  const refresh_token = handle()
  refreshTokens.set(refresh_token, { client_id })
  return {
    access_token: accessToken(client_id, user.sub, whole),
    id_token: es256.jwt('JWT', idClaims(client_id, user.sub)),
    refresh_token,
    ...rest,
    scope: whole,
  }
}

const rest = { token_type: 'Bearer', expires_in: lifetimes.accessToken }
const invalidGrant = { error: 'invalid_grant' }

const grants: Record<string, (client_id: string, form: Record<string, unknown>) => object> = {
  client_credentials: (client_id, { scope }) => ({
    access_token: accessToken(client_id, client_id, String(scope)),
    ...rest,
    scope,
  }),
  authorization_code(client_id, { code, redirect_uri, code_verifier }) {
    const found = codes.get(String(code))
    codes.delete(String(code))
    const fits =
      found?.client_id === client_id &&
      found.redirect_uri === redirect_uri &&
      sha256(String(code_verifier)).toString('base64url') === found.challenge
    return fits ? userTokens(client_id) : invalidGrant
  },
  refresh_token(client_id, { refresh_token }) {
    const fits = refreshTokens.get(String(refresh_token))?.client_id === client_id
    return fits && refreshTokens.delete(String(refresh_token)) ? userTokens(client_id) : invalidGrant
  },
}

function authenticate({ headers }: IncomingMessage): string | undefined {
  const [id = '', secret = ''] = Buffer.from((headers.authorization ?? '').slice(6), 'base64')
    .toString()
    .split(':')
  const known = clients.get(id)
  return known && timingSafeEqual(known.secret, sha256(secret)) ? id : undefined
}

/** JWTs whose signature was verified. */
const verified = new Map<string, Kept>()

/** The claims of a token, read from memory. */
const claimsOf = (token: string): Kept | undefined =>
  referenceTokens.get(token) ?? verified.get(token) ?? verifyJwt(token)

function verifyJwt(token: string): Kept | undefined {
  const [head = '', payload = '', signature = ''] = token.split('.')
  const key = { key: es256.publicKey, dsaEncoding: 'ieee-p1363' } as const
  const fits = verify('sha256', Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url'))
  if (!fits) return undefined
  const claims: Kept = JSON.parse(Buffer.from(payload, 'base64url').toString())
  verified.set(token, claims)
  return claims
}

const paths = {
  token: '/token',
  introspection: '/introspect',
  userinfo: '/userinfo',
  discovery: '/discovery',
  jwks: '/jwks',
}
const jwks = documentOf('jwks', { keys: [es256.jwk, rs256.jwk] })
const discovery = documentOf('discovery', {
  issuer,
  ...Object.fromEntries(Object.entries(paths).map(([name, path]) => [`${name}_endpoint`, issuer + path])),
  jwks_uri: issuer + paths.jwks,
  grant_types_supported: Object.keys(grants),
  scopes_supported: [...userScope, apiRs256.scope],
  id_token_signing_alg_values_supported: ['ES256', 'RS256'],
})

function answer(request: IncomingMessage, form: string): [status: number, body: string] {
  if (request.url === paths.discovery) return [200, discovery]
  if (request.url === paths.jwks) return [200, jwks]
  if (request.url === paths.userinfo) {
    const found = claimsOf((request.headers.authorization ?? '').slice(7))
    return found ? [200, JSON.stringify(user)] : [401, '{"error":"invalid_token"}']
  }
  const client_id = authenticate(request)
  if (client_id === undefined) return [401, '{"error":"invalid_client"}']
  const parameters = parse(form)
  if (request.url === paths.introspection) {
    const found = claimsOf(String(parameters.token))
    const active = found !== undefined && found.client_id === client_id && found.exp > now()
    return [200, JSON.stringify(active ? { active, ...found } : { active: false })]
  }
  const body = grants[String(parameters.grant_type)]?.(client_id, parameters) ?? {
    error: 'unsupported_grant_type',
  }
  return ['error' in body ? 400 : 200, JSON.stringify(body)]
}

function send(response: ServerResponse, [status, body]: [status: number, body: string]): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

const server = createServer((request, response) => {
  if (request.method === 'GET') return send(response, answer(request, ''))
  let form = ''
  request.setEncoding('latin1')
  request.on('data', chunk => {
    form += chunk
  })
  request.on('end', () => send(response, answer(request, form)))
})

const makers: Record<Credential, () => string> = {
  code() {
    const code = handle()
    codes.set(code, { client_id: web.client_id, redirect_uri: redirectUri, challenge })
    return code
  },
  refresh_token() {
    const token = handle()
    refreshTokens.set(token, { client_id: web.client_id })
    return token
  },
  jwt: () => accessToken(web.client_id, user.sub, whole),
  reference_token: () => accessToken(webReference.client_id, user.sub, whole),
}

server.listen(0, '127.0.0.1', () =>
  answerBench((server.address() as AddressInfo).port, kind => makers[kind]()),
)
