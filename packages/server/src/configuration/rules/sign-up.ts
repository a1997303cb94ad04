/** Signing up that could not work: mail that can't be sent, passwords that are kept elsewhere. */

import type { Fault } from '../fault.ts'
import { isLoopback } from '../issuer.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'

export function signUpFaults(whole: ConfigurationDraft): readonly Fault[] {
  const server = { ...whole, at: '' }
  const tenants = whole.tenants.map((tenant, index) => ({
    issuer: tenant.issuer === 'path' ? whole.issuer : tenant.issuer,
    accounts: tenant.accounts,
    mail: tenant.mail ?? whole.mail,
    validators: tenant.validators ?? whole.validators,
    at: `tenants[${index}].`,
  }))
  return [server, ...tenants].flatMap(({ issuer, accounts, mail, validators, at }) => {
    if (!accounts?.sign_up) return []
    const local = issuer === undefined || isLoopback(new URL(issuer).hostname)
    const needsMail = accounts.email_verification !== 'off' && mail === undefined && !local
    return [
      ...(needsMail ? [withoutMail(at)] : []),
      ...(validators?.password === undefined ? [] : [passwordsElsewhere(at)]),
    ]
  })
}

const withoutMail = (at: string): Fault => ({
  path: `${at}accounts.sign_up`,
  problem: 'people who sign up are sent mail, and there is no mail configuration',
  expected: '"mail": { "from": "…", "smtp": { "host": "…" } }, or "email_verification": "off"',
  fix: 'add "mail"',
})

const passwordsElsewhere = (at: string): Fault => ({
  path: `${at}accounts.sign_up`,
  problem: 'validators.password checks the passwords, so one that is chosen here would not count',
  expected: 'sign_up or validators.password',
  fix: 'remove one of the two',
})
