/** What only a module can configure: grants, validators, profile and credential authorities are code. */

import type { ConsentPolicyHook } from '../../model/consent.ts'
import type { ExtensionGrant, TokenRequestValidator } from '../../model/extension-grant.ts'
import type { MfaPolicyHook } from '../../model/mfa.ts'
import type { CredentialAuthority, DecideSubject, Profile } from '../../model/user.ts'
import type { StoragePassword } from '../configuration.ts'
import * as z from '../shape/shapes.ts'
import { providerSchema } from './provider.ts'
import { rule, type ValueFault } from './rule.ts'

/** Keys that hold code, for a helpful word where they stand in a file of data. */
export const codeKeys: ReadonlySet<string> = new Set([
  'grants',
  'validators',
  'profile',
  'federation',
  'mfaPolicy',
  'consentPolicy',
  'credentialAuthority',
  'storagePassword',
])

const isFunction = (value: unknown): boolean => typeof value === 'function'

const credentialAuthority = () =>
  z
    .custom<CredentialAuthority>(
      value =>
        typeof value === 'object' && value !== null && isFunction((value as { check?: unknown }).check),
      { expected: 'an object with a function check', fix: 'write { check: async request => … }' },
    )
    .optional()

const callable = <Value>(signature: string) =>
  z.custom<Value>(isFunction, { expected: 'a function', fix: `write ${signature}` }).optional()

const grant = () =>
  (z.unknown() as z.Shape<unknown, ExtensionGrant> as z.Shape<ExtensionGrant>).check(rule(grantFault))

/** The shape that `defineGrant` takes (RFC 6749 §4.5); faults of a JavaScript module, where no compiler looked. */
function grantFault(value: unknown): ValueFault | undefined {
  const expected = 'defineGrant({ grantType, parameters, decide })'
  const fault = (problem: string, fix: string): ValueFault => ({ problem, expected, fix })
  if (typeof value !== 'object' || value === null) return fault('it is not a grant', 'use defineGrant')
  const { grantType, parameters, decide } = value as Record<string, unknown>
  if (typeof grantType !== 'string' || !/^[\x21-\x7E]{1,200}$/.test(grantType))
    return fault('its grantType is not a name', 'give an absolute URI or a name without spaces')
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters))
    return fault('its parameters are missing', 'give parameters: {} or { name: { required: true } }')
  return isFunction(decide) ? undefined : fault('it cannot decide', 'give decide: (request, context) => …')
}

export const moduleProviderSchema = providerSchema.extend({
  type: z.string().min(1).max(50).default('custom'),
  credentialAuthority: credentialAuthority(),
})

export const codeShape = {
  grants: z.array(grant()).default([]),
  validators: z
    .strictObject({
      password: credentialAuthority(),
      tokenRequest: callable<TokenRequestValidator>('tokenRequest: async request => ({ ok: true })'),
    })
    .default({}),
  federation: z
    .strictObject({
      subject: callable<DecideSubject>('subject: async request => request.sub'),
    })
    .default({}),
  consentPolicy: callable<ConsentPolicyHook>('consentPolicy: async request => true'),
  mfaPolicy: callable<MfaPolicyHook>("mfaPolicy: async request => ({ mode: 'required' })"),
  storagePassword: callable<StoragePassword>('storagePassword: async () => token'),
  profile: z
    .strictObject({
      claims: callable<Profile['claims']>('claims: async request => ({ … })'),
      isActive: callable<Profile['isActive']>('isActive: async request => true'),
    })
    .optional(),
}
