/** Signing up that could not work: mail that can't be sent, passwords that are kept elsewhere. */

import type { Fault } from '../fault.ts'
import { isLoopback } from '../issuer.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'

export function signUpFaults(whole: ConfigurationDraft): readonly Fault[] {
  const server = { ...whole, signUp: whole.accounts?.sign_up, at: '' }
  const tenants = whole.tenants.map((tenant, index) => ({
    issuer: tenant.issuer === undefined || tenant.issuer === 'path' ? whole.issuer : tenant.issuer,
    // A tenant that shares the issuer says of its accounts only whether people may sign up.
    accounts: tenant.issuer === undefined ? whole.accounts : tenant.accounts,
    signUp: tenant.accounts?.sign_up,
    mail: tenant.mail ?? whole.mail,
    validators: tenant.validators ?? whole.validators,
    at: `tenants[${index}].`,
  }))
  return [server, ...tenants].flatMap(({ issuer, accounts, signUp, mail, validators, at }) => {
    if (!signUp) return []
    if (!accounts) return [withoutAccounts(at)]
    const local = issuer === undefined || isLoopback(new URL(issuer).hostname)
    const needsMail = accounts.email_verification !== 'off' && mail === undefined && !local
    return [
      ...(needsMail ? [withoutMail(at)] : []),
      ...(validators?.password === undefined ? [] : [passwordsElsewhere(at)]),
    ]
  })
}

/** Tenants that share the server's issuer, and in which anybody makes an account whose tokens name the tenant. */
export const signUpDoubts = ({ tenants }: ConfigurationDraft): readonly Fault[] =>
  tenants.flatMap(({ name, issuer, accounts }, index) =>
    issuer === undefined && accounts?.sign_up
      ? [
          {
            path: `tenants[${index}].accounts.sign_up`,
            problem: `anybody can make an account in tenant "${name}", and tokens about it carry "tenant": "${name}"`,
            expected: 'this to be wanted, and APIs that trust no one for their tenant alone',
            fix: 'remove it, and add users by "tessera users add --in-tenant"; ignore this if it is wanted',
          },
        ]
      : [],
  )

const withoutAccounts = (at: string): Fault => ({
  path: `${at}accounts.sign_up`,
  problem: 'there is no "accounts" at the top of the configuration, so the server keeps no accounts',
  expected: '"accounts": {} at the top, beside "tenants"',
  fix: 'add "accounts": {}',
})

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
