/** Keys that only a module can have, because they are code: grants, validators, profile, credential authorities. */

import type { ConsentPolicyHook } from '../../model/consent.ts'
import { type EventCallbacks, eventTypes } from '../../model/events.ts'
import type { ExtensionGrant, TokenRequestValidator } from '../../model/extension-grant.ts'
import { callHook, checkHook, type HookCall } from '../../model/hook.ts'
import {
  boolean,
  jsonObject,
  listOf,
  object,
  oneOf,
  optional,
  outcome,
  type Read,
  subject,
  text,
  time,
  wholeNumber,
} from '../../model/hook-result.ts'
import { type MasterKeyService, masterKeyServiceProblem } from '../../model/master-key.ts'
import { factorMethods, type MfaPolicy, type MfaPolicyHook } from '../../model/mfa.ts'
import type { PreviousRefreshToken, PreviousRefreshTokenHook } from '../../model/previous-refresh-token.ts'
import type {
  CredentialAuthority,
  CredentialCheck,
  CredentialRequest,
  FederatedSubjectHook,
  PasswordAuthority,
  ProfileHooks,
} from '../../model/user.ts'
import type { Configuration, StorageConnections, StoragePasswordHook } from '../configuration.ts'
import * as s from '../validation/kinds.ts'
import { providerSchema } from './provider.ts'
import type { KeyOwner } from './tenant.ts'
import { checkedUserStore, userStoreSchema } from './user-store.ts'
import { defined, seconds } from './values.ts'

/** Seconds. */
const defaultTimeout = 10

const isFunction = (value: unknown): boolean => typeof value === 'function'

const credentialAuthority = () =>
  s
    .custom<CredentialAuthority>(
      value =>
        typeof value === 'object' && value !== null && isFunction((value as { check?: unknown }).check),
      { expected: 'an object with a function check', fix: 'write { check: async request => … }' },
    )
    .optional()

const callable = <Value>(signature: string) =>
  s.custom<Value>(isFunction, { expected: 'a function', fix: `write ${signature}` }).optional()

const masterKeyService = (key: string) =>
  (s.unknown() as s.Schema<unknown, MasterKeyService> as s.Schema<MasterKeyService>)
    .check((value: unknown) => {
      const problem = masterKeyServiceProblem(value)
      const expected = 'a key service: { id, wrap, unwrap }'
      return problem === undefined
        ? undefined
        : { problem, expected, fix: `write ${key}: { id: 'ARN', wrap: async …, unwrap: async … }` }
    })
    .optional()

const grant = () =>
  (s.unknown() as s.Schema<unknown, ExtensionGrant> as s.Schema<ExtensionGrant>).check(grantError)

/** Checks what `defineGrant` takes (RFC 6749 §4.5), because a JavaScript module has no compiler to do so. */
function grantError(value: unknown): s.CheckError | undefined {
  const expected = 'defineGrant({ grantType, parameters, decide })'
  const error = (problem: string, fix: string): s.CheckError => ({ problem, expected, fix })
  if (typeof value !== 'object' || value === null) return error('it is not a grant', 'use defineGrant')
  const { grantType, parameters, decide } = value as Record<string, unknown>
  if (typeof grantType !== 'string' || !/^[\x21-\x7E]{1,200}$/.test(grantType))
    return error('its grantType is not a name', 'use an absolute URI or a name without spaces')
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters))
    return error('its parameters are missing', 'add parameters: {} or { name: { required: true } }')
  for (const [name, parameter] of Object.entries(parameters)) {
    const problem = parameterProblem(parameter)
    if (problem !== undefined)
      return error(`its parameter ${name} ${problem}`, `write ${name}: { required: true, maxLength: 4096 }`)
  }
  return isFunction(decide)
    ? undefined
    : error('its decide function is missing', 'add decide: (request, context) => …')
}

/** Returns what is wrong with the declaration of a grant's parameter. */
function parameterProblem(parameter: unknown): string | undefined {
  if (typeof parameter !== 'object' || parameter === null || Array.isArray(parameter))
    return 'is not an object'
  const { required, maxLength, ...others } = parameter as Record<string, unknown>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) return `has an unknown member ${unknown}`
  if (required !== undefined && typeof required !== 'boolean')
    return 'has a required that is not true or false'
  return maxLength === undefined || (Number.isSafeInteger(maxLength) && Number(maxLength) > 0)
    ? undefined
    : 'has a maxLength that is not a number of characters'
}

export const moduleProviderSchema = s.strictObject({
  ...providerSchema.fields,
  type: s.string().min(1).max(50).default('custom'),
  credentialAuthority: credentialAuthority(),
})

const eventCallbacks = () =>
  s
    .strictObject(
      Object.fromEntries(
        [...eventTypes, '*'].map(type => [type, callable(`'${type}': event => { … }`)]),
      ) as unknown as {
        readonly [Type in keyof EventCallbacks]-?: s.Optional<s.Schema<NonNullable<EventCallbacks[Type]>>>
      },
    )
    .default({})

export const codeFields = {
  grants: s.array(grant()).default([]),
  userStore: userStoreSchema(),
  validators: s
    .strictObject({
      password: credentialAuthority(),
      tokenRequest: callable<TokenRequestValidator>('tokenRequest: async request => ({ ok: true })'),
    })
    .default({}),
  federation: s
    .strictObject({
      subject: callable<FederatedSubjectHook>('subject: async request => request.sub'),
    })
    .default({}),
  events: eventCallbacks(),
  consentPolicy: callable<ConsentPolicyHook>('consentPolicy: async request => true'),
  previousRefreshToken: callable<PreviousRefreshTokenHook>(
    'previousRefreshToken: async request => undefined',
  ),
  mfaPolicy: callable<MfaPolicyHook>("mfaPolicy: async request => ({ mode: 'required' })"),
  storagePassword: callable<StoragePasswordHook>('storagePassword: async () => token'),
  masterKey: masterKeyService('masterKey'),
  masterKeyPrevious: masterKeyService('masterKeyPrevious'),
  profile: s
    .strictObject({
      claims: callable<ProfileHooks['claims']>('claims: async request => ({ … })'),
      isActive: callable<ProfileHooks['isActive']>('isActive: async request => true'),
    })
    .optional(),
  hook_timeout: seconds(1, 60).default(defaultTimeout).describe('How long a hook may take, in seconds.'),
}

export const codeOwners = {
  grants: 'inherited',
  userStore: 'inherited',
  validators: 'inherited',
  federation: 'inherited',
  events: 'inherited',
  consentPolicy: 'inherited',
  previousRefreshToken: 'inherited',
  mfaPolicy: 'inherited',
  storagePassword: 'server',
  masterKey: 'server',
  masterKeyPrevious: 'server',
  profile: 'inherited',
  hook_timeout: 'inherited',
} as const satisfies Record<keyof typeof codeFields, KeyOwner>

/** Keys whose values are code. A file of data that has one needs to become a module. */
export const codeKeys: ReadonlySet<string> = new Set([...Object.keys(codeFields), 'credentialAuthority'])

/** Returns the hooks of a valid draft. Data files have none of these keys. */
type Draft = s.output<s.ObjectSchema<typeof codeFields>>
type Hooks = Pick<
  Configuration,
  | 'userStore'
  | 'validators'
  | 'federation'
  | 'consentPolicy'
  | 'previousRefreshToken'
  | 'mfaPolicy'
  | 'profile'
  | 'hookTimeout'
>

/** Returns the hooks in the form that the server calls. */
export function checkedHooks({
  userStore,
  validators: { password, tokenRequest } = {},
  federation: { subject: decideSubject } = {},
  consentPolicy,
  previousRefreshToken,
  mfaPolicy,
  profile,
  hook_timeout: limit = defaultTimeout,
}: Partial<Draft>): Hooks {
  return {
    hookTimeout: limit,
    userStore: userStore && checkedUserStore(userStore, limit),
    validators: defined({
      password: password && checkedAuthority({ hook: 'validators.password', limit }, password),
      tokenRequest:
        tokenRequest && checkHook({ hook: 'validators.tokenRequest', limit }, tokenRequest, verdict),
    }),
    federation: defined({
      subject:
        decideSubject && checkHook({ hook: 'federation.subject', limit }, decideSubject, decidedSubject),
    }),
    consentPolicy: consentPolicy && checkHook({ hook: 'consentPolicy', limit }, consentPolicy, boolean),
    previousRefreshToken:
      previousRefreshToken &&
      checkHook({ hook: 'previousRefreshToken', limit }, previousRefreshToken, previousToken),
    mfaPolicy: mfaPolicy && checkHook({ hook: 'mfaPolicy', limit }, mfaPolicy, optional(partialPolicy)),
    profile:
      profile &&
      defined({
        claims: profile.claims && checkHook({ hook: 'profile.claims', limit }, profile.claims, jsonObject),
        isActive:
          profile.isActive && checkHook({ hook: 'profile.isActive', limit }, profile.isActive, boolean),
      }),
  }
}

/** @param of the hook's name in logs, and the time limit of a check. */
export const checkedAuthority = (
  { hook, limit }: HookCall,
  authority: CredentialAuthority,
): PasswordAuthority => ({
  check: checkHook(
    { hook: `${hook}.check`, limit },
    (request: CredentialRequest, context) => authority.check(request, context),
    credentialCheck,
  ),
})

/** Returns the function that reads the password of the database. */
export const checkedPassword =
  (password: StoragePasswordHook, limit: number): StorageConnections['password'] =>
  () =>
    callHook({ hook: 'storagePassword', limit }, password, text)

const no = { error: optional(text), description: optional(text), members: optional(jsonObject) }

const credentialCheck: Read<CredentialCheck> = outcome(
  object({
    sub: subject,
    amr: optional(listOf(text)),
    claims: optional(jsonObject),
    members: optional(jsonObject),
  }),
  object({ ...no, unavailable: optional(boolean) }),
)

const verdict = outcome(object({ members: optional(jsonObject) }), object(no))

const previousContent = object({
  sub: subject,
  client_id: text,
  scope: listOf(text),
  expires_at: time,
  auth_time: optional(time),
  amr: optional(listOf(text)),
  acr: optional(text),
})
const previousToken: Read<PreviousRefreshToken | undefined> = (value, place) =>
  value === null || value === undefined ? undefined : previousContent(value, place)

/** Undefined leaves the decision to the server; null means nobody. */
const decidedSubject: Read<string | null | undefined> = (value, place) =>
  value === null || value === undefined ? value : subject(value, place)

const partialPolicy: Read<Partial<MfaPolicy>> = object({
  mode: optional(oneOf(['off', 'if_enrolled', 'required'])),
  methods: optional(listOf(oneOf(factorMethods))),
  remember_browser_days: optional(wholeNumber(0, 365)),
  password_grant: optional(oneOf(['refuse', 'allow'])),
})
