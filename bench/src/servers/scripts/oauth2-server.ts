/**
 * The peer `@node-oauth/oauth2-server`: its model in memory; it does not support JWTs, so the model signs them, as its
 * documentation says.
 */

import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parse } from 'node:querystring'
import OAuth2Server from '@node-oauth/oauth2-server'
import {
  api,
  apiRs256,
  challenge,
  lifetimes,
  machine,
  machineReference,
  machineRs256,
  type Party,
  redirectUri,
  user,
  userScope,
  web,
  webReference,
} from '../../parties.ts'
import type { Credential } from '../../rows/row.ts'
import { answerBench } from '../protocol.ts'
import { accessClaims, createSigner, handle, idClaims, sha256 } from '../tokens.ts'

type Client = {
  readonly id: string
  readonly grants: string[]
  readonly redirectUris: string[]
  readonly secret: Buffer
  readonly jwt: boolean
}

const es256 = createSigner('ES256')
const rs256 = createSigner('RS256')

const client = ({ client_id, client_secret }: Party, grants: string[], isJwt = true): [string, Client] => [
  client_id,
  { id: client_id, grants, redirectUris: [redirectUri], secret: sha256(client_secret), jwt: isJwt },
]
const ofUsers = ['authorization_code', 'refresh_token']
const clients = new Map<string, Client>([
  client(machine, ['client_credentials']),
  client(machineRs256, ['client_credentials']),
  client(machineReference, ['client_credentials'], false),
  client(web, ofUsers),
  client(webReference, ofUsers, false),
])

const codes = new Map<string, any>()
const accessTokens = new Map<string, any>()
const refreshTokens = new Map<string, any>()

const model: any = {
  async getClient(id: string, secret: string) {
    const known = clients.get(id)
    return known && timingSafeEqual(known.secret, sha256(secret)) ? known : false
  },
  getUserFromClient: async ({ id }: Client) => ({ sub: id }),
  validateScope: async (_user: unknown, _client: unknown, scope: string[]) => scope,
  async generateAccessToken({ id, jwt: isJwt }: Client, { sub }: { sub: string }, scope: string[]) {
    if (!isJwt) return handle()
    const [signer, at] = id === machineRs256.client_id ? [rs256, apiRs256] : [es256, api]
    return signer.jwt('at+jwt', accessClaims(at, { client_id: id, sub, scope: scope.join(' ') }))
  },
  generateRefreshToken: async () => handle(),
  getAuthorizationCode: async (code: string) => codes.get(code),
  revokeAuthorizationCode: async ({ authorizationCode }: any) => codes.delete(authorizationCode),
  getRefreshToken: async (token: string) => refreshTokens.get(token),
  revokeToken: async ({ refreshToken }: any) => refreshTokens.delete(refreshToken),
  getAccessToken: async (token: string) => accessTokens.get(token),
  async saveToken(token: any, owner: Client, { sub }: { sub: string }) {
    const saved = { ...token, client: owner, user: { sub } }
    // A JWT is not stored: its recipient verifies the signature.
    if (!owner.jwt) accessTokens.set(token.accessToken, saved)
    if (token.refreshToken === undefined) return saved
    refreshTokens.set(token.refreshToken, saved)
    return { ...saved, id_token: es256.jwt('JWT', idClaims(owner.id, sub)) }
  },
}

const oauth = new OAuth2Server({
  model,
  accessTokenLifetime: lifetimes.accessToken,
  refreshTokenLifetime: lifetimes.refreshToken,
  allowExtendedTokenAttributes: true,
})

const jwks = JSON.stringify({ keys: [es256.jwk, rs256.jwk] })

const { Request, Response } = OAuth2Server

async function token(incoming: IncomingMessage, body: string): Promise<[status: number, body: unknown]> {
  const response = new Response()
  const request = new Request({
    headers: incoming.headers as Record<string, string>,
    method: 'POST',
    query: {},
    body: parse(body),
  })
  await oauth.token(request, response).catch(() => {})
  return [response.status ?? 200, response.body]
}

async function userinfo(incoming: IncomingMessage): Promise<[status: number, body: unknown]> {
  const headers = incoming.headers as Record<string, string>
  const request = new Request({ headers, method: 'GET', query: {}, body: {} })
  try {
    await oauth.authenticate(request, new Response())
    return [200, user]
  } catch {
    return [401, { error: 'invalid_token' }]
  }
}

function send(response: ServerResponse, [status, value]: readonly [status: number, body: unknown]): void {
  const body = typeof value === 'string' ? value : JSON.stringify(value)
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

const server = createServer((request, response) => {
  if (request.url === '/jwks') return send(response, [200, jwks])
  if (request.url === '/userinfo') return void userinfo(request).then(answer => send(response, answer))
  let form = ''
  request.setEncoding('latin1')
  request.on('data', chunk => {
    form += chunk
  })
  request.on('end', () => void token(request, form).then(answer => send(response, answer)))
})

const signedIn = (client_id: string) => ({
  client: clients.get(client_id)!,
  user: { sub: user.sub },
  scope: [...userScope],
})
const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000)

const makers: Record<Credential, () => string> = {
  code() {
    const authorizationCode = handle()
    codes.set(authorizationCode, {
      ...signedIn(web.client_id),
      ...{ authorizationCode, redirectUri, codeChallenge: challenge, codeChallengeMethod: 'S256' },
      expiresAt: inSeconds(lifetimes.code),
    })
    return authorizationCode
  },
  refresh_token() {
    const refreshToken = handle()
    const refreshTokenExpiresAt = inSeconds(lifetimes.refreshToken)
    refreshTokens.set(refreshToken, { ...signedIn(web.client_id), refreshToken, refreshTokenExpiresAt })
    return refreshToken
  },
  reference_token() {
    const accessToken = handle()
    const accessTokenExpiresAt = inSeconds(lifetimes.accessToken)
    accessTokens.set(accessToken, { ...signedIn(webReference.client_id), accessToken, accessTokenExpiresAt })
    return accessToken
  },
  jwt() {
    throw new Error('does not verify JWTs')
  },
}

server.listen(0, '127.0.0.1', () =>
  answerBench((server.address() as AddressInfo).port, kind => makers[kind]()),
)
