/** Second factors as a configuration writes their policy: the server's or a tenant's, and what a client has otherwise. */

import { factorMethods } from '../../model/mfa.ts'
import * as z from '../shape/shapes.ts'

const mode = () => z.enum(['off', 'if_enrolled', 'required'])
const methods = () => z.array(z.enum(factorMethods)).min(1)
const days = () => z.int().min(0).max(365)
const passwordGrant = () => z.enum(['refuse', 'allow'])

const meanings = {
  mode: 'off: no second factors; if_enrolled: asked of users who have one; required: of all, who enrol when they sign in.',
  methods:
    'Second factors that users can have: totp (an authenticator app), passkey. Recovery codes come with them.',
  remember_browser_days: 'For how many days a user may let a browser be remembered; 0: not at all.',
  password_grant:
    'Whether the password grant refuses users who need a second factor, which it can not ask for.',
} as const

export const mfaSchema = z
  .strictObject({
    mode: mode().default('if_enrolled').describe(meanings.mode),
    methods: methods()
      .default([...factorMethods])
      .describe(meanings.methods),
    remember_browser_days: days().default(0).describe(meanings.remember_browser_days),
    password_grant: passwordGrant().default('refuse').describe(meanings.password_grant),
  })
  .prefault({})

/** What is left out is as the server or tenant has it. */
export const mfaOverrideSchema = z
  .strictObject({
    mode: mode().optional().describe(meanings.mode),
    methods: methods().optional().describe(meanings.methods),
    remember_browser_days: days().optional().describe(meanings.remember_browser_days),
    password_grant: passwordGrant().optional().describe(meanings.password_grant),
  })
  .optional()
