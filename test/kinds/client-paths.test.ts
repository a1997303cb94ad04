/**
 * A configured client and a self-registered one are the same thing: with the same metadata they get the same responses at
 * every endpoint. A member that may be registered needs a row; one that can only be configured, a reason.
 */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { treatments } from '../../packages/server/src/clients/registration/metadata.ts'
import { clientSchema } from '../../packages/server/src/configuration/schema/client.ts'
import { registrationSchema } from '../../packages/server/src/configuration/schema/registration.ts'
import { createBrowser } from '../support/browser.ts'
import { bearer, register } from '../support/registering.ts'
import { callback, challenge, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { assertCovers } from './coverage.ts'

const initial = 'an-initial-access-token-that-is-long'
const device = 'urn:ietf:params:oauth:grant-type:device_code'
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ECDH-ES', use: 'enc', kid: 'k' }] }

const world = {
  ...pagesWorld,
  accounts: {},
  registration: {
    mode: 'initial_access_token',
    initial_access_tokens: [{ value: initial }],
    allowed_scope: 'openid profile api1 offline_access',
    allowed_grant_types: ['authorization_code', 'implicit', 'refresh_token', 'client_credentials', device],
    client_defaults: { require_consent: false },
  },
}

const common = {
  client_name: 'One client',
  redirect_uris: [callback],
  grant_types: ['authorization_code', 'implicit', 'refresh_token', 'client_credentials', device],
  response_types: ['code', 'code id_token'],
  scope: 'openid profile api1 offline_access',
  // RFC 7591 §2: registered clients without a method use Basic; configured ones may also use the body.
  token_endpoint_auth_method: 'client_secret_basic',
}

/** The value of each member; undefined: omitted on both paths. */
const values: Readonly<Record<keyof typeof treatments, readonly unknown[]>> = {
  client_name: [undefined, 'Ünïcode <b>'],
  client_uri: ['https://app.example'],
  logo_uri: ['https://app.example/logo.png'],
  policy_uri: ['https://app.example/policy'],
  tos_uri: ['https://app.example/terms'],
  contacts: [['ops@app.example']],
  software_id: ['one'],
  software_version: ['1'],
  application_type: ['web', 'native'],
  redirect_uris: [[callback, 'https://app.example/other']],
  grant_types: [['authorization_code'], ['client_credentials', 'authorization_code'], undefined],
  response_types: [undefined, ['code']],
  scope: ['openid', 'openid api1', 'openid profile offline_access'],
  token_endpoint_auth_method: ['client_secret_post', 'none'],
  token_endpoint_auth_signing_alg: ['ES256'],
  tls_client_auth_subject_dn: [undefined],
  tls_client_certificate_bound_access_tokens: [false],
  dpop_bound_access_tokens: [false],
  jwks: [jwks],
  jwks_uri: ['https://app.example/jwks'],
  id_token_signed_response_alg: ['ES256'],
  id_token_encrypted_response_alg: ['ECDH-ES'],
  id_token_encrypted_response_enc: ['A256GCM'],
  userinfo_signed_response_alg: ['ES256'],
  userinfo_encrypted_response_alg: ['ECDH-ES'],
  userinfo_encrypted_response_enc: ['A256GCM'],
  introspection_signed_response_alg: ['ES256'],
  introspection_encrypted_response_alg: ['ECDH-ES'],
  introspection_encrypted_response_enc: ['A256GCM'],
  authorization_signed_response_alg: ['ES256'],
  authorization_encrypted_response_alg: ['ECDH-ES'],
  authorization_encrypted_response_enc: ['A256GCM'],
  require_signed_authorization_response: [true],
  request_uris: [['https://app.example/request']],
  request_object_signing_alg: ['none', 'ES256'],
  request_object_encryption_alg: ['ECDH-ES'],
  request_object_encryption_enc: ['A256GCM'],
  require_signed_request_object: [true],
  require_pushed_authorization_requests: [true],
  default_max_age: [0, 600],
  default_acr_values: [['1']],
  require_auth_time: [true],
  post_logout_redirect_uris: [['https://app.example/bye']],
  frontchannel_logout_uri: ['https://app.example/out'],
  frontchannel_logout_session_required: [true],
  backchannel_logout_uri: ['https://app.example/back'],
  backchannel_logout_session_required: [true],
  subject_type: ['pairwise'],
  sector_identifier_uri: [undefined],
  initiate_login_uri: ['https://app.example/start'],
  allowed_cors_origins: [['https://app.example'], []],
}

/** Members that require other members. */
const beside: Readonly<Record<string, object>> = {
  id_token_encrypted_response_alg: { jwks },
  userinfo_encrypted_response_alg: { jwks },
  introspection_encrypted_response_alg: { jwks },
  authorization_encrypted_response_alg: { jwks },
  id_token_encrypted_response_enc: { jwks, id_token_encrypted_response_alg: 'ECDH-ES' },
  userinfo_encrypted_response_enc: { jwks, userinfo_encrypted_response_alg: 'ECDH-ES' },
  introspection_encrypted_response_enc: { jwks, introspection_encrypted_response_alg: 'ECDH-ES' },
  authorization_encrypted_response_enc: { jwks, authorization_encrypted_response_alg: 'ECDH-ES' },
  request_object_encryption_enc: { request_object_encryption_alg: 'ECDH-ES' },
  require_signed_request_object: { jwks, request_object_signing_alg: 'ES256' },
  frontchannel_logout_session_required: { frontchannel_logout_uri: 'https://app.example/out' },
  backchannel_logout_session_required: { backchannel_logout_uri: 'https://app.example/back' },
  token_endpoint_auth_signing_alg: { jwks },
  subject_type: { grant_types: ['authorization_code', 'implicit', 'refresh_token', 'client_credentials'] },
  grant_types: { response_types: undefined },
}

type Credentials = { readonly client_id: string; readonly client_secret?: string }

/** All responses to a client, except what differs between requests. */
async function answersOf(
  server: TestServer,
  { client_id, client_secret }: Credentials,
  method: string | undefined,
): Promise<readonly unknown[]> {
  const inBody = method === 'client_secret_post' || method === 'none'
  const sendForm = (path: string, form: Readonly<Record<string, string>>) =>
    server.send('POST', path, {
      form: inBody ? { ...form, client_id, ...(client_secret && { client_secret }) } : form,
      headers: inBody ? {} : basic(client_id, client_secret ?? ''),
    })
  const seen: unknown[] = []
  const note = (what: string, { status, json, reason }: Awaited<ReturnType<typeof sendForm>>) =>
    seen.push([
      what,
      status,
      json?.error,
      json?.error_description,
      reason,
      json?.scope,
      Object.keys(json ?? {}),
    ])
  const request = {
    ...{ client_id, redirect_uri: callback, response_type: 'code', state: 's' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  }
  for (const scope of [undefined, 'openid api1', 'openid offline_access', 'nothing']) {
    const asked = { ...request, ...(scope && { scope }) }
    const pushed = await sendForm('/connect/par', asked)
    note(`par ${scope}`, pushed)
    const browser = createBrowser(server)
    const direct = await signIn(browser, `/connect/authorize?${new URLSearchParams(asked)}`).catch(String)
    seen.push(
      typeof direct === 'string'
        ? 'no form'
        : [direct.status, direct.location?.replaceAll(/(code|session_state)=[^&]+/g, '$1=')],
    )
    if (pushed.status !== 201) continue
    const { request_uri } = pushed.json
    const page = await signIn(
      createBrowser(server),
      `/connect/authorize?${new URLSearchParams({ client_id, request_uri })}`,
    )
    const code = page.location && new URL(page.location).searchParams.get('code')
    if (!code) continue
    const redeemed = await sendForm('/connect/token', {
      ...{ grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier },
    })
    note('code', redeemed)
    const { access_token, refresh_token, id_token, expires_in } = redeemed.json
    seen.push(expires_in, Object.keys(claimsOf(access_token)))
    if (id_token?.split('.').length === 3) seen.push(Object.keys(claimsOf(id_token)))
    if (refresh_token)
      note('refresh', await sendForm('/connect/token', { grant_type: 'refresh_token', refresh_token }))
    note('introspection', await sendForm('/connect/introspect', { token: access_token }))
    const userinfo = await server.send('GET', '/connect/userinfo', {
      headers: { ...bearer(access_token), origin: 'https://app.example' },
    })
    const { 'content-type': type, 'access-control-allow-origin': origin } = userinfo.headers
    seen.push([userinfo.status, type, origin])
    note('revocation', await sendForm('/connect/revocation', { token: access_token }))
    if (id_token?.split('.').length !== 3) continue
    const back = { id_token_hint: id_token, post_logout_redirect_uri: 'https://app.example/bye' }
    const ended = await server.send('GET', `/connect/endsession?${new URLSearchParams(back)}`)
    seen.push(['endsession', ended.status])
  }
  for (const scope of [undefined, 'api1', 'openid']) {
    const form = { grant_type: 'client_credentials', ...(scope && { scope }) }
    note(`client_credentials ${scope}`, await sendForm('/connect/token', form))
    note(`device ${scope}`, await sendForm('/connect/deviceauthorization', scope ? { scope } : {}))
  }
  note(
    'wrong secret',
    await server.token({ grant_type: 'client_credentials', client_id, client_secret: 'wrong' }),
  )
  return JSON.parse(JSON.stringify(seen).replaceAll(client_id, 'CLIENT'))
}

test('client paths: every member that may be registered has a row', () => {
  assertCovers(Object.keys(values), Object.keys(treatments), 'member')
})

for (const [member, settings] of Object.entries(values))
  test(`client paths: a configured and a registered client with the same ${member} get the same responses at every endpoint [RFC 7591 §2]`, async () => {
    for (const value of settings) {
      const metadata: Record<string, unknown> = { ...common, ...beside[member], [member]: value }
      for (const [name, one] of Object.entries(metadata)) if (one === undefined) delete metadata[name]
      const before = await createTestServer(world)
      const { status, json } = await register(before, metadata, bearer(initial))
      assert.equal(status, 201, JSON.stringify(json))
      const isPublic = metadata.token_endpoint_auth_method === 'none'
      // The registered metadata, which may be less than requested (RFC 7591 §3.2.1).
      const registered = Object.entries(json).filter(([name]) => Object.hasOwn(treatments, name))
      const configured = {
        ...Object.fromEntries(registered),
        client_id: 'configured',
        ...(!isPublic && { client_secrets: [{ value: 'a-secret-that-is-long-enough' }] }),
      }
      const other = await createTestServer({ ...world, clients: [...world.clients, configured] })
      const method = String(metadata.token_endpoint_auth_method)
      assert.deepEqual(
        await answersOf(before, json, method),
        await answersOf(
          other,
          { client_id: 'configured', ...(!isPublic && { client_secret: 'a-secret-that-is-long-enough' }) },
          method,
        ),
        `${member}: ${JSON.stringify(value)}`,
      )
    }
  })

const defaults = 'the operator chooses it for registered clients: registration.client_defaults'
const server = 'registered clients follow the server-wide setting'

/** Members that registration does not have, each with the reason. */
const configuredOnly: Readonly<Record<string, string>> = {
  client_id: 'the server names registered clients',
  client_secrets: 'the server creates their secrets',
  enabled: 'a registered client is deleted',
  require_pkce: defaults,
  access_token_type: defaults,
  access_token_lifetime: defaults,
  identity_token_lifetime: defaults,
  authorization_code_lifetime: defaults,
  refresh_token_usage: defaults,
  refresh_token_expiration: defaults,
  absolute_refresh_token_lifetime: defaults,
  sliding_refresh_token_lifetime: defaults,
  refresh_token_retry_window: defaults,
  update_access_token_claims_on_refresh: defaults,
  device_code_lifetime: defaults,
  device_polling_interval: defaults,
  require_consent: defaults,
  enable_local_login: defaults,
  identity_provider_restrictions: defaults,
  tenants: defaults,
  client_assertion_audience: server,
  client_assertion_max_lifetime: server,
  request_object_max_lifetime: server,
  unknown_scopes: server,
  mfa: server,
  allow_plain_pkce: 'plain PKCE is for old clients that an operator knows (RFC 9700 §2.1.1)',
  always_include_user_claims_in_id_token: 'registered clients use UserInfo or the claims parameter',
  initiate_login_target_link_uri: 'an address of the operator, who puts the client on the account pages',
  accent_color: 'no stranger may style pages of this server',
  allow_remember_consent: 'users decide for registered clients',
  consent_lifetime: 'users decide for registered clients',
  workload_identities: 'a stranger would choose an issuer of their own',
  claims: 'only the operator may set the claims of a client',
  always_send_client_claims: 'only the operator may set the claims of a client',
  client_claims_prefix: 'only the operator may set the claims of a client',
  user_claims: 'only the operator may set the claims of users',
  security_profile: 'the profile of the issuer holds for them',
}

test('client paths: each member that can only be configured is listed with a reason', () => {
  const existing = Object.keys(clientSchema.fields).filter(name => !Object.hasOwn(treatments, name))
  assertCovers(Object.keys(configuredOnly), existing, 'member')
})

test('client paths: members that the operator sets for registered clients are checked at registration', () => {
  const chosen = Object.entries(configuredOnly).filter(([, reason]) => reason === defaults)
  const offered = Object.keys(registrationSchema.unwrap().fields.client_defaults.unwrap().fields)
  assertCovers(
    chosen.map(([name]) => name),
    offered,
    'default',
  )
})
