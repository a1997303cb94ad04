/** A server behind TLS proxies that request client certificates, and clients with each authentication method. */

import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { listen } from '../../packages/server/src/http/node.ts'
import { ask as askDirectly } from './edges.ts'
import { type Answer, basic, createTestServer, type Form, formOf, issuer } from './tessera.ts'
import { askTls, startTlsProxy } from './tls-proxy.ts'
import { secret, withClients } from './world.ts'
import { createCertificate, type TestCertificate } from './x509.ts'

export const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const device = 'urn:ietf:params:oauth:grant-type:device_code'
export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const partner = 'https://partner.example'

const authority = createCertificate('Test CA', { isAuthority: true })
const intermediate = createCertificate('Test CA 2', { isAuthority: true, by: authority })
/** The client's certificates. All except `self` come from the CA; `renewed` has the subject of `own`. */
export const certificates = {
  own: createCertificate('own', { by: authority }),
  renewed: createCertificate('own', { by: authority }),
  other: createCertificate('other', { by: authority }),
  self: createCertificate('self'),
  second: createCertificate('self'),
  lapsed: createCertificate('own', { until: 1_700_000_000 }),
  lapsedSelf: createCertificate('self', { until: 1_700_000_000 }),
  soon: createCertificate('own', { until: 1_790_000_600 }),
  below: createCertificate('own', { by: intermediate }),
} as const satisfies Readonly<Record<string, TestCertificate>>
/** The chain that a client with `below` sends. */
export const chain = { key: certificates.below.key, cert: certificates.below.cert + intermediate.cert }

const { privateKey, publicKey } = await generateKeyPair('ES256')
const jwks = { keys: [await exportJWK(publicKey)] }
const { self, second, lapsedSelf } = certificates
const certificateKeys = { keys: [self.jwk, second.jwk, lapsedSelf.jwk] }
export const userGrants = ['authorization_code', 'refresh_token', 'password', device]
const bound = { tls_client_certificate_bound_access_tokens: true }
const client_secrets = [{ value: secret }]

/** Clients by what they authenticate with. The tokens of the last two are bound because of their method. */
const clients: Readonly<Record<string, object>> = {
  none: { ...bound, token_endpoint_auth_method: 'none', grant_types: userGrants },
  basic: { ...bound, token_endpoint_auth_method: 'client_secret_basic', client_secrets },
  post: { ...bound, token_endpoint_auth_method: 'client_secret_post', client_secrets },
  opaque: { ...bound, client_secrets, access_token_type: 'reference' },
  signer: { ...bound, token_endpoint_auth_method: 'private_key_jwt', jwks },
  subject: { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=own' },
  self: { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: certificateKeys },
}
export const clientNames = Object.keys(clients)
/** Whether a certificate authenticates the client. */
export const isByCertificate = (client: string): boolean => client === 'subject' || client === 'self'
/** The certificate that the client uses, and the one of a thief. */
export const ownOf = (client: string): TestCertificate => certificates[client === 'self' ? 'self' : 'own']

const jwt = (claims: object): Promise<string> =>
  new SignJWT({ aud: issuer, jti: randomUUID(), exp: 1_790_000_060, ...claims })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey)

/** The assertion of a trusted issuer. */
export const partnerAssertion = (): Promise<string> => jwt({ iss: partner, sub: '88421113' })

/** The credentials of a client, besides a certificate. */
async function credentialsOf(client_id: string): Promise<{ form: object; headers?: Record<string, string> }> {
  if (client_id === 'basic') return { form: {}, headers: basic(client_id, secret) }
  if (client_id === 'signer')
    return {
      form: {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await jwt({ iss: client_id, sub: client_id }),
      },
    }
  const hasSecret = client_id === 'post' || client_id === 'opaque'
  return { form: { client_id, ...(hasSecret && { client_secret: secret }) } }
}

export type Question = {
  readonly form?: Form
  readonly headers?: Readonly<Record<string, string>>
  /** The certificate, or chain, of the connection. */
  readonly certificate?: Pick<TestCertificate, 'cert' | 'key'> | undefined
  readonly proxy?: 'unverified' | 'verified' | 'nginx' | 'traefik'
}

export type Reply = Pick<Answer, 'status' | 'json' | 'reason'>

/** @param settings of the server, beside its clients. */
export async function startMtlsWorld(settings: object = {}) {
  const inside = /^\/metrics/
  const proxies = {
    unverified: await startTlsProxy({ certificates: { form: 'rfc9440' }, inside }),
    verified: await startTlsProxy({ certificates: { form: 'rfc9440', ca: authority.cert }, inside }),
    nginx: await startTlsProxy({ certificates: { form: 'nginx' }, inside }),
    traefik: await startTlsProxy({ certificates: { form: 'traefik' }, inside }),
  }
  const alias = `https://localhost:${proxies.unverified.port}`
  const server = await createTestServer({
    ...withClients(
      ...Object.entries(clients).map(([client_id, client]) => ({
        ...{ client_id, redirect_uris: ['https://app.example/cb'], scope: 'openid api1 offline_access' },
        grant_types: [...userGrants, 'client_credentials', exchange, jwtBearer],
        ...client,
      })),
    ),
    mtls: {
      ...{ certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
      endpoint_origin: alias,
    },
    trusted_issuers: [{ issuer: partner, jwks }],
    ...settings,
  })
  const mtls = { certificateHeader: 'client-cert', trustedProxies: ['127.0.0.1'] }
  const at = { host: '127.0.0.1', port: 0 }
  const edge = await listen(server.handle, { ...at, mtls })
  // The same server for clients that reach it without a proxy.
  const direct = await listen(server.handle, { ...at, mtls: { ...mtls, trustedProxies: ['192.0.2.1'] } })
  for (const proxy of Object.values(proxies)) proxy.lead(Number(new URL(edge.url).port))

  async function answered(send: () => Promise<{ status: number; body: string }>): Promise<Reply> {
    const before = server.logged.length
    const { status, body } = await send()
    const refusal = server.logged.slice(before).findLast(({ event }) => event === 'refused')
    return { status, json: /^[{[]/.test(body) ? JSON.parse(body) : undefined, reason: refusal?.reason }
  }

  /** Sends a request over TLS. */
  const ask = (path: string, { form, headers, certificate, proxy = 'unverified' }: Question = {}) =>
    answered(() =>
      askTls(proxies[proxy].port, path, {
        ...(form !== undefined && { form: Object.fromEntries(new URLSearchParams(formOf(form))) }),
        ...(headers && { headers }),
        ...(certificate && { identity: certificate }),
      }),
    )

  return {
    server,
    alias,
    ask,
    /** Sends a request with the client's credentials over TLS. */
    async askAs(client: string, path: string, { form = {}, headers, ...question }: Question = {}) {
      const credentials = await credentialsOf(client)
      const all = { ...(form as object), ...credentials.form }
      return ask(path, { ...question, form: all, headers: { ...credentials.headers, ...headers } })
    },
    /** Sends a request to the server itself, past the proxies. */
    askDirectly: (path: string, headers: Readonly<Record<string, string>>) =>
      answered(() => askDirectly(direct, 'GET', path, { headers })),
    async close() {
      for (const proxy of Object.values(proxies)) proxy.close()
      await edge.close()
      await direct.close()
    },
  }
}
