/** The types of hooks: the compiler refuses a wrong one in a TypeScript module. `npm run check:types` checks each line marked as an error. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ActiveRequest,
  type ConsentPolicyHook,
  type ConsentPolicyRequest,
  type CredentialAuthority,
  type CredentialCheck,
  type CredentialRequest,
  defineConfig,
  defineGrant,
  type EmailLookup,
  type Event,
  type EventCallbacks,
  type EventData,
  type EventOf,
  type EventType,
  type ExtensionGrant,
  type FederatedSubjectHook,
  type FederatedUser,
  type GrantContext,
  type GrantDecision,
  type GrantRefusal,
  type GrantRequest,
  type Hook,
  type HookContext,
  type JwtBearerOptions,
  jwtBearer,
  type MasterKeyContext,
  MasterKeyRefused,
  type MasterKeyService,
  type MfaPolicy,
  type MfaPolicyHook,
  type MfaPolicyRequest,
  type NewPassword,
  type NewUser,
  type PasswordCheck,
  type PreviousRefreshTokenHook,
  type PreviousRefreshTokenRequest,
  type ProfileHooks,
  type ProfileRequest,
  parseConfiguration,
  type StoragePasswordHook,
  type SubLookup,
  type TokenExchange,
  type TokenExchangePolicy,
  type TokenRequestValidator,
  type TokenRequestVerdict,
  tokenExchange,
  type UnwrapRequest,
  type UsernameLookup,
  type UserStore,
  type UserStoreUser,
  type ValidatedTokenRequest,
  type VerifiedToken,
  type WrapRequest,
} from '../../packages/server/src/server.ts'

const check = ({ username, password }: CredentialRequest, { signal }: HookContext): CredentialCheck =>
  username === password || signal.aborted ? { ok: false } : { ok: true, sub: username, amr: ['pwd'] }
const authority: CredentialAuthority = { check }
const validate = ({ scope, parameters }: ValidatedTokenRequest): TokenRequestVerdict =>
  parameters.has('x') ? { ok: false, error: 'invalid_request' } : { ok: true, members: { scope } }
const tokenRequest: TokenRequestValidator = validate
const previousRefreshToken: PreviousRefreshTokenHook = async ({
  refresh_token,
  client_id,
}: PreviousRefreshTokenRequest) =>
  refresh_token === 'old' ? { sub: '1', client_id, scope: ['api1'], expires_at: 1 } : undefined
const consentPolicy: ConsentPolicyHook = async ({ scope }: ConsentPolicyRequest) => scope.includes('payments')
const mfaPolicy: MfaPolicyHook = ({ amr }: MfaPolicyRequest): Partial<MfaPolicy> | undefined =>
  amr.includes('pwd') ? { mode: 'required' } : undefined
const subject: FederatedSubjectHook = ({ id, sub }: FederatedUser) => (id === '' ? null : sub)
const profile: ProfileHooks = {
  claims: ({ names, use }: ProfileRequest) => ({ [use]: names }),
  isActive: async ({ subject }: ActiveRequest) => subject.sub !== 'x',
}
const storagePassword: StoragePasswordHook = async ({ signal }) => `${signal.aborted}`
const bound = (context: MasterKeyContext): Uint8Array => Buffer.from(JSON.stringify(context))
const masterKey: MasterKeyService = {
  id: 'arn:example',
  wrap: ({ key, context }: WrapRequest) => Buffer.concat([bound(context), key]),
  async unwrap({ wrapped, context }: UnwrapRequest, { signal }) {
    if (signal.aborted) throw new MasterKeyRefused('too late')
    return wrapped.slice(bound(context).length)
  },
}
const decide = (
  { parameters }: GrantRequest,
  { now, verifyAccessToken }: GrantContext,
): GrantDecision | GrantRefusal | Promise<GrantRefusal> =>
  parameters.get('x')
    ? { ok: true, subject: { sub: `${now}` } }
    : verifyAccessToken('').then((token: VerifiedToken | undefined) => ({ ok: false, reason: token?.sub }))
const grant: ExtensionGrant = defineGrant({ grantType: 'urn:example:x', parameters: { x: {} }, decide })
const policy: TokenExchangePolicy = ({ subject, actor }: TokenExchange) => subject.sub !== actor?.sub
const bearer: JwtBearerOptions = { issuers: [], subject: ({ sub }) => `${sub}` }
const either: Hook<string, boolean> = (name, { signal }) => name === '' || signal.aborted

const row = (sub: string): UserStoreUser => ({ sub, username: sub, tenant: null, password_argon2id: null })
const userStore: UserStore = {
  findBySub: ({ sub }: SubLookup) => row(sub),
  findByUsername: async ({ username }: UsernameLookup) => (username === '' ? null : row(username)),
  findByEmail: ({ email }: EmailLookup) => (email === '' ? undefined : row(email)),
  checkPassword: ({ sub, password }: PasswordCheck) => sub === password,
  setPassword: ({ password_argon2id }: NewPassword) => password_argon2id !== '',
  create: async ({ username, claims }: NewUser) => claims.name !== username,
}

const issued = ({ type, data }: EventOf<'token.issued'>): EventData['token.issued'] | EventType =>
  data.scope.length > 0 ? data : type
const events: EventCallbacks = {
  'token.issued': issued,
  'user.signed_in': async ({ data, tenant }, { signal }) => `${data.amr[0]} ${tenant} ${signal.aborted}`,
  '*': (event: Event) => event.type === 'key.rotated' && event.data.active_from > 0,
}

const module = defineConfig({
  grants: [grant, tokenExchange({ policy }), jwtBearer(bearer)],
  validators: { tokenRequest },
  federation: { subject },
  consentPolicy,
  previousRefreshToken,
  mfaPolicy,
  storagePassword,
  masterKey,
  masterKeyPrevious: { ...masterKey, id: 'arn:example:before' },
  profile,
  events,
  hook_timeout: 5,
  userStore,
  identity_providers: [{ name: 'staff', credentialAuthority: authority }],
})

test('hook types: a module with every hook is typed, and valid', () => {
  assert.equal(typeof either, 'function')
  const parsed = parseConfiguration(
    { ...module, issuer: 'https://id.example', storage: 'memory:' },
    { isModule: true },
  )
  assert.ok(parsed.ok, JSON.stringify(parsed))
})

test('hook types: a value that is no function is refused when the configuration is read', () => {
  const wrong = [
    // @ts-expect-error a check returns a result, not a boolean
    defineConfig({ validators: { password: { check: async () => true } } }),
    // @ts-expect-error a sub is a string
    defineConfig({ validators: { password: { check: () => ({ ok: true, sub: 5 }) } } }),
    // @ts-expect-error `ok` is missing
    defineConfig({ validators: { tokenRequest: () => ({}) } }),
    // @ts-expect-error a policy returns a boolean
    defineConfig({ consentPolicy: () => 'yes' }),
    // @ts-expect-error there is no such mode
    defineConfig({ mfaPolicy: () => ({ mode: 'always' }) }),
    // @ts-expect-error a sub is a string
    defineConfig({ federation: { subject: () => 5 } }),
    // @ts-expect-error claims are JSON
    defineConfig({ profile: { claims: () => ({ since: new Date() }) } }),
    // @ts-expect-error not "truthy"
    defineConfig({ profile: { isActive: () => 1 } }),
    // @ts-expect-error a password is a string
    defineConfig({ storagePassword: async () => undefined }),
    // @ts-expect-error a wrapped key is bytes
    defineConfig({ masterKey: { ...masterKey, wrap: () => 'vault:v1:abc' } }),
    // @ts-expect-error a request has no such member
    defineConfig({ consentPolicy: ({ user }) => user === 'x' }),
    // @ts-expect-error there is no such hook
    defineConfig({ validators: { username: () => true } }),
    // @ts-expect-error findByUsername is missing
    defineConfig({ userStore: { findBySub: () => null } }),
    // @ts-expect-error a user has a username
    defineConfig({ userStore: { ...userStore, findBySub: ({ sub }) => ({ sub }) } }),
    // @ts-expect-error setPassword says whether there is such a user
    defineConfig({ userStore: { ...userStore, setPassword: () => {} } }),
    // @ts-expect-error a key has no user
    defineConfig({ events: { 'key.removed': ({ data }) => data.sub } }),
    // @ts-expect-error there is no such type
    defineConfig({ events: { 'user.signedIn': () => {} } }),
    // @ts-expect-error a policy returns a boolean
    tokenExchange({ policy: () => 'yes' }),
    // @ts-expect-error a sub is a string
    jwtBearer({ issuers: [], subject: () => 5 }),
    // @ts-expect-error scope is a list
    defineGrant({ grantType: 'x', parameters: {}, decide: () => ({ ok: true, scope: 'api1' }) }),
  ]
  assert.equal(wrong.length, 20)
  for (const changes of [
    { consentPolicy: true },
    { validators: { password: () => ({ ok: false }) } },
    { profile: { claims: {} } },
    { events: { 'user.created': 'log' } },
    { hook_timeout: 0 },
  ]) {
    const parsed = parseConfiguration({ ...changes }, { isModule: true })
    assert.equal(parsed.ok, false, JSON.stringify(changes))
  }
})
