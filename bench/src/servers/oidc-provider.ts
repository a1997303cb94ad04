/** The peer: `oidc-provider` with everything in memory. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import { type Preparation, parties, serveBench } from '../protocol.ts'

/** Its own development adapter forgets all but a thousand entries; this one forgets none. */
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

const machineMetadata = {
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
}

const provider = new Provider('http://127.0.0.1', {
  adapter: MapAdapter as never,
  jwks: { keys: [await keyOf('ES256'), await keyOf('RS256')] } as never,
  clients: [
    { ...parties.machine, ...machineMetadata },
    { ...parties.machineRs256, ...machineMetadata },
    {
      client_id: parties.web.client_id,
      client_secret: parties.web.client_secret,
      redirect_uris: [parties.web.redirect_uri],
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  scopes: ['openid', 'offline_access', 'api1', 'api2'],
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  findAccount: async (_: unknown, id: string) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => 'urn:api',
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_: unknown, __: unknown, client: any) => ({
        scope: 'api1 api2',
        audience: 'urn:api',
        accessTokenTTL: 3600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: client.clientId === parties.machineRs256.client_id ? 'RS256' : 'ES256' } },
      }),
    },
  },
  ttl: {
    AccessToken: 3600,
    ClientCredentials: 3600,
    AuthorizationCode: 300,
    IdToken: 300,
    RefreshToken: 2_592_000,
    Grant: 2_592_000,
  },
} as never) as any

const account = { accountId: '1', claims: {}, expiresWithSession: false, resource: 'urn:api' }
const scope = 'openid offline_access api1'

async function newGrant(): Promise<string> {
  const grant = new provider.Grant({ accountId: '1', clientId: parties.web.client_id })
  grant.addOIDCScope('openid offline_access')
  grant.addResourceScope('urn:api', 'api1')
  return grant.save()
}

async function make(kind: Preparation['kind']): Promise<string> {
  const client = await provider.Client.find(parties.web.client_id)
  const grantId = await newGrant()
  const common = {
    ...account,
    client,
    grantId,
    scope,
    authTime: Math.floor(Date.now() / 1000),
    gty: 'authorization_code',
  }
  if (kind === 'codes') {
    const { redirect_uri: redirectUri } = parties.web
    return new provider.AuthorizationCode({
      ...common,
      redirectUri,
      codeChallenge: parties.challenge,
      codeChallengeMethod: 'S256',
    }).save()
  }
  if (kind === 'refresh_tokens') return new provider.RefreshToken({ ...common, rotations: 0 }).save()
  return new provider.AccessToken({ ...common, resource: undefined }).save()
}

const server = createServer(provider.callback())
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  serveBench(`http://127.0.0.1:${port}`, async ({ kind, count }) => {
    const made: string[] = []
    for (let index = 0; index < count; index++) made.push(await make(kind))
    return made
  })
})
