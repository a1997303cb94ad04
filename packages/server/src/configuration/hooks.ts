/** The hooks of a module configuration, with what each may return. */

import {
  boolean,
  jsonObject,
  listOf,
  object,
  oneOf,
  optional,
  outcome,
  type Read,
  readResults,
  subject,
  text,
  wholeNumber,
} from '../model/hook-result.ts'
import { factorMethods, type MfaPolicy } from '../model/mfa.ts'
import type { CredentialAuthority, CredentialCheck } from '../model/user.ts'
import type { Configuration } from './configuration.ts'

type Hooks = Pick<Configuration, 'validators' | 'federation' | 'consentPolicy' | 'mfaPolicy' | 'profile'>

/** Returns hooks that throw `InvalidHookResult` for a return value of the wrong type. */
export const checkedHooks = ({
  validators,
  federation,
  consentPolicy,
  mfaPolicy,
  profile,
}: Partial<Hooks>): Hooks => ({
  validators: {
    ...(validators?.password && { password: checkedAuthority('validators.password', validators.password) }),
    ...(validators?.tokenRequest && {
      tokenRequest: readResults('validators.tokenRequest', validators.tokenRequest, verdict),
    }),
  },
  federation: {
    ...(federation?.subject && {
      subject: readResults('federation.subject', federation.subject, decidedSubject),
    }),
  },
  ...(consentPolicy && { consentPolicy: readResults('consentPolicy', consentPolicy, boolean) }),
  ...(mfaPolicy && { mfaPolicy: readResults('mfaPolicy', mfaPolicy, optional(partialPolicy)) }),
  ...(profile && {
    profile: {
      ...(profile.claims && { claims: readResults('profile.claims', profile.claims, jsonObject) }),
      ...(profile.isActive && { isActive: readResults('profile.isActive', profile.isActive, boolean) }),
    },
  }),
})

/** @param name how the operator wrote it. */
export const checkedAuthority = (name: string, authority: CredentialAuthority): CredentialAuthority => ({
  check: readResults(`${name}.check`, request => authority.check(request), credentialCheck),
})

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

/** Undefined: what the server would decide; null: nobody. */
const decidedSubject: Read<string | null | undefined> = (value, place) =>
  value === null || value === undefined ? value : subject(value, place)

const partialPolicy: Read<Partial<MfaPolicy>> = object({
  mode: optional(oneOf(['off', 'if_enrolled', 'required'])),
  methods: optional(listOf(oneOf(factorMethods))),
  remember_browser_days: optional(wholeNumber(0, 365)),
  password_grant: optional(oneOf(['refuse', 'allow'])),
})
