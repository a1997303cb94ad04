/** The peer: `oidc-provider` with everything in memory. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
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
import { answerBench } from '../protocol.ts'

/** Its own development adapter keeps only a thousand entries; this one keeps all. */
class MapAdapter {
  static readonly entries = new Map<string, any>()
  readonly #name: string
  constructor(name: string) {
    this.#name = name
  }
  #key = (id: string): string => `${this.#name}:${id}`
  async upsert(id: string, payload: any): Promise<void> {
    MapAdapter.entries.set(this.#key(id), payload)
  }
  async find(id: string): Promise<any> {
    return MapAdapter.entries.get(this.#key(id))
  }
  async consume(id: string): Promise<void> {
    MapAdapter.entries.get(this.#key(id)).consumed = Math.floor(Date.now() / 1000)
  }
  async destroy(id: string): Promise<void> {
    MapAdapter.entries.delete(this.#key(id))
  }
  async revokeByGrantId(): Promise<void> {}
  async findByUid(): Promise<undefined> {
    return undefined
  }
  async findByUserCode(): Promise<undefined> {
    return undefined
  }
}

const keyOf = async (alg: string): Promise<object> => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), alg, use: 'sig' }
}

/** The algorithm of access tokens; ES256 by default. */
const accessTokenAlg = process.env.BENCH_ACCESS_TOKEN_ALG ?? 'ES256'
/** A key for RSA takes long to make. */
const algorithms = ['ES256', accessTokenAlg === 'ES256' ? 'RS256' : accessTokenAlg]

const machineMetadata = {
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  id_token_signed_response_alg: 'ES256',
}
const webMetadata = {
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  id_token_signed_response_alg: 'ES256',
}
const opaque: readonly string[] = [machineReference.client_id, webReference.client_id]

const provider = new Provider('http://127.0.0.1', {
  adapter: MapAdapter as never,
  jwks: { keys: await Promise.all(algorithms.map(keyOf)) } as never,
  clients: [
    { ...machine, ...machineMetadata },
    { ...machineRs256, ...machineMetadata },
    { ...machineReference, ...machineMetadata },
    { ...web, ...webMetadata },
    { ...webReference, ...webMetadata },
  ],
  scopes: ['openid', 'offline_access', 'profile', api.scope, apiRs256.scope],
  claims: { openid: ['sub'], profile: ['name'] },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  findAccount: async (_: unknown, id: string) => ({ accountId: id, claims: async () => user }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: async (_: unknown, client: any) =>
        client.clientId === machineRs256.client_id ? apiRs256.audience : api.audience,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_: unknown, audience: string, client: any) => ({
        scope: `${api.scope} ${apiRs256.scope}`,
        audience,
        accessTokenTTL: lifetimes.accessToken,
        accessTokenFormat: opaque.includes(client.clientId) ? 'opaque' : 'jwt',
        jwt: { sign: { alg: audience === apiRs256.audience ? 'RS256' : accessTokenAlg } },
      }),
    },
  },
  ttl: {
    AccessToken: lifetimes.accessToken,
    ClientCredentials: lifetimes.accessToken,
    AuthorizationCode: lifetimes.code,
    IdToken: lifetimes.idToken,
    RefreshToken: lifetimes.refreshToken,
    Grant: lifetimes.refreshToken,
  },
} as never) as any

const whole = userScope.join(' ')
const ofUser = { accountId: user.sub, claims: {}, expiresWithSession: false }

async function signedIn(client_id: string): Promise<object> {
  const grant = new provider.Grant({ accountId: user.sub, clientId: client_id })
  grant.addOIDCScope('openid offline_access profile')
  grant.addResourceScope(api.audience, api.scope)
  return {
    ...ofUser,
    client: await provider.Client.find(client_id),
    grantId: await grant.save(),
    scope: whole,
    authTime: Math.floor(Date.now() / 1000),
    gty: 'authorization_code',
  }
}

const makers: Record<Credential, () => Promise<string>> = {
  code: async () =>
    new provider.AuthorizationCode({
      ...(await signedIn(web.client_id)),
      resource: api.audience,
      redirectUri,
      codeChallenge: challenge,
      codeChallengeMethod: 'S256',
    }).save(),
  refresh_token: async () =>
    new provider.RefreshToken({
      ...(await signedIn(web.client_id)),
      resource: api.audience,
      rotations: 0,
    }).save(),
  reference_token: async () => new provider.AccessToken(await signedIn(webReference.client_id)).save(),
  jwt: () => Promise.reject(new Error('JWT access tokens are only made at the token endpoint')),
}

const server = createServer(provider.callback())
server.listen(0, '127.0.0.1', () =>
  answerBench((server.address() as AddressInfo).port, kind => makers[kind]()),
)
