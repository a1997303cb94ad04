/**
 * Clients of FAPI 2.0 in the variants of the conformance suite: by their authentication (`private_key_jwt`, mutual TLS),
 * what binds their tokens (DPoP, certificates), and how they make requests (signed, unsigned). All requests are pushed.
 */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createBrowser, type Page } from './browser.ts'
import { one, two } from './certificates.ts'
import { createProver, type Prover } from './dpop.ts'
import { alice, answerOf, callback, challenge, signIn, verifier } from './sign-in.ts'
import { type Answer, createTestServer, issuer, type SendOptions } from './tessera.ts'

export type Variant = {
  readonly name: string
  /** Its clients. The second has another key and certificate. */
  readonly client: string
  readonly second: string
  readonly authentication: 'private_key_jwt' | 'tls_client_auth'
  readonly binding: 'mtls' | 'dpop'
  readonly signed: boolean
}

export const variants: readonly Variant[] = (['private_key_jwt', 'tls_client_auth'] as const).flatMap(
  authentication =>
    (['mtls', 'dpop'] as const).flatMap(binding =>
      [false, true].map(signed => {
        const name = [authentication, binding, signed ? 'signed' : 'unsigned'].join(' ')
        return { name, client: name, second: `${name} 2`, authentication, binding, signed }
      }),
    ),
)
/** Variants of what is checked at the token endpoint and APIs, which don't depend on how the request was made. */
export const tokenVariants = variants.filter(({ signed }) => !signed)

const keys = [await generateKeyPair('ES256'), await generateKeyPair('ES256')] as const
const jwksOf = async (index: 0 | 1) => ({ keys: [await exportJWK(keys[index].publicKey)] })
const certificates = [one, two] as const
const subject = (name: string): string => `CN=${name}.example,OU=Payments,O=Example\\, Inc.,C=SE`
const scope = 'openid profile accounts offline_access'

async function clientOf({ authentication, binding, signed }: Variant, index: 0 | 1): Promise<object> {
  return {
    ...{ client_name: 'Bank app', redirect_uris: [callback], scope, jwks: await jwksOf(index) },
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    token_endpoint_auth_method: authentication,
    ...(authentication === 'private_key_jwt'
      ? { token_endpoint_auth_signing_alg: 'ES256' }
      : { tls_client_auth_subject_dn: subject(index === 0 ? 'one' : 'two') }),
    ...(binding === 'mtls'
      ? { tls_client_certificate_bound_access_tokens: true }
      : { dpop_bound_access_tokens: true }),
    ...(signed && { require_signed_request_object: true, request_object_signing_alg: 'ES256' }),
    ...{ authorization_code_lifetime: 60, refresh_token_usage: 'reuse' },
  }
}

export const fapiConfiguration = {
  mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  client_assertion_audience: 'issuer',
  signature_algorithms: ['PS256', 'ES256', 'EdDSA'],
  authorization_requests: { require_pushed: true, pushed_lifetime: 60, request_object_max_lifetime: 3600 },
  api_scopes: [{ name: 'accounts' }],
  api_resources: [{ name: 'https://api.example', scopes: ['accounts'], api_secrets: [{ value: 'api' }] }],
  users: [{ sub: '1', username: 'alice', password: 'wonderland', claims: { name: 'Alice' } }],
  clients: (
    await Promise.all(
      variants.map(async one => [
        { client_id: one.client, ...(await clientOf(one, 0)) },
        { client_id: one.second, ...(await clientOf(one, 1)) },
      ]),
    )
  ).flat(),
}

export const server = await createTestServer(fapiConfiguration)
export const prover = await createProver()
export const now = (): number => server.clock.now()

/** The client that sends a request, and the defects of the request. */
export type Sending = {
  readonly client?: string
  /** The key and certificate of the second client. Default: those of `client`. */
  readonly as?: 0 | 1
  /** Replaces claims of the client assertion. */
  readonly assertion?: object
  /** Whether the client authenticates. Default: true. */
  readonly authenticated?: boolean
  /** Whether the request proves the key of its tokens. Default: true. */
  readonly bound?: boolean
  readonly prover?: Prover
  readonly proof?: Parameters<Prover['proof']>[0]
}

const indexOf = (variant: Variant, { client, as }: Sending): 0 | 1 =>
  as ?? (client === variant.second ? 1 : 0)

export const sign = (claims: object, { as = 0, alg = 'ES256' }: { as?: 0 | 1; alg?: string } = {}) =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg }).sign(keys[as].privateKey)

/** The credentials of a request to this path, with what its tokens are bound to. */
async function credentials(
  variant: Variant,
  path: string,
  sending: Sending,
): Promise<{ form: object; options: SendOptions }> {
  const { client = variant.client, assertion, authenticated = true, bound = true, proof } = sending
  const { authentication, binding } = variant
  const index = indexOf(variant, sending)
  const byCertificate = authenticated && authentication === 'tls_client_auth'
  const certificate = byCertificate || (bound && binding === 'mtls') ? certificates[index] : undefined
  const isRefusedWithout = byCertificate && binding === 'mtls' && !bound
  const dpop =
    bound && binding === 'dpop' ? (sending.prover ?? prover).proof({ path, at: now(), ...proof }) : undefined
  const identity = {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await sign(
      { iss: client, sub: client, aud: issuer, jti: randomUUID(), exp: now() + 60, ...assertion },
      { as: index },
    ),
  }
  return {
    form: authenticated && authentication === 'private_key_jwt' ? identity : { client_id: client },
    options: {
      ...(certificate && !isRefusedWithout && { certificate }),
      ...(dpop !== undefined && { headers: { dpop } }),
    },
  }
}

/** Pushes an authorization request; a parameter given as undefined is omitted. */
export async function push(
  variant: Variant,
  parameters: Readonly<Record<string, unknown>> = {},
  {
    object = {},
    outside = {},
    key,
    ...sending
  }: Sending & { object?: object; outside?: object; key?: 0 | 1 } = {},
): Promise<Answer> {
  const { client = variant.client } = sending
  const all = {
    ...{ client_id: client, response_type: 'code', redirect_uri: callback, scope, state: 's', nonce: 'n' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
    ...parameters,
  }
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  const lifetime = { iss: client, aud: issuer, nbf: now(), exp: now() + 300 }
  const request = variant.signed
    ? { request: await sign({ ...lifetime, ...given, ...object }, { as: key ?? indexOf(variant, sending) }) }
    : given
  // The proof is for the token request; here, it would bind the code.
  const { form, options } = await credentials(variant, '/connect/par', { bound: false, ...sending })
  const certificate = certificates[indexOf(variant, sending)]
  return server.send('POST', '/connect/par', {
    form: { ...request, ...outside, ...form } as never,
    ...options,
    ...(variant.authentication === 'tls_client_auth' && { certificate }),
  })
}

export const authorizePath = ({ client }: Variant, request_uri: string, more: object = {}): string =>
  `/connect/authorize?${new URLSearchParams({ client_id: client, request_uri, ...more })}`

/** Signs in with a pushed request. Returns the page that the browser is redirected to. */
export async function authorize(
  variant: Variant,
  parameters: Readonly<Record<string, unknown>> = {},
  more: Parameters<typeof push>[2] & { readonly beside?: object } = {},
): Promise<Page> {
  const { beside, ...sending } = more
  const { status, json } = await push(variant, parameters, sending)
  assert.equal(status, 201, `${variant.name}: ${JSON.stringify(json)}`)
  return signIn(createBrowser(server), authorizePath(variant, json.request_uri, beside), alice)
}

export const codeOf = async (...given: Parameters<typeof authorize>): Promise<string> =>
  answerOf(await authorize(...given)).get('code') ?? ''

/** Sends a token request of the client. */
export async function token(variant: Variant, form: object, sending: Sending = {}): Promise<Answer> {
  const own = await credentials(variant, '/connect/token', sending)
  return server.token({ ...own.form, ...form } as never, own.options)
}

export const redeem = (
  variant: Variant,
  code: string,
  sending: Sending & { readonly form?: object } = {},
): Promise<Answer> => {
  const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
  return token(variant, { ...form, ...sending.form }, sending)
}

/** Redeems a code of a new sign-in. */
export async function tokensOf(variant: Variant): Promise<any> {
  const { status, json } = await redeem(variant, await codeOf(variant))
  assert.equal(status, 200, `${variant.name}: ${JSON.stringify(json)}`)
  return json
}

/** Sends a token to UserInfo, the API that every server has. */
export function call(
  variant: Variant,
  value: string,
  { scheme, ...sending }: Sending & { readonly scheme?: string } = {},
): Promise<Answer> {
  const { bound = true, proof } = sending
  const path = '/connect/userinfo'
  if (variant.binding === 'mtls')
    return server.send('GET', path, {
      headers: { authorization: `${scheme ?? 'Bearer'} ${value}` },
      ...(bound && { certificate: certificates[indexOf(variant, sending)] }),
    })
  const sent = (sending.prover ?? prover).headers(value, { at: now(), ...proof })
  return server.send('GET', path, {
    headers: { authorization: `${scheme ?? 'DPoP'} ${value}`, ...(bound && { dpop: sent.dpop }) },
  })
}
