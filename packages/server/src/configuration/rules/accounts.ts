/** Users, their names and addresses, and sign-up. */

import { memberships } from '../../model/membership.ts'
import { identityKey } from '../../model/stored-user.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { type Draft, diagnosticAt } from '../draft.ts'
import { isLoopback } from '../issuer.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'

export const accountErrors = (draft: Draft): readonly Diagnostic[] =>
  draft.users.flatMap(user => [
    ...(identityKey(user.value.username) === ''
      ? diagnosticAt(user, 'username', {
          problem: 'the username consists only of spaces, which are ignored',
          expected: 'a name with at least one other character',
          fix: 'write the name that the user signs in with',
        })
      : []),
    ...twoPasswords(user),
    ...memberships.flatMap(kind =>
      user.value[kind] !== undefined && Object.hasOwn(user.value.claims, kind)
        ? diagnosticAt(user, kind, {
            problem: `the user's claims contain "${kind}" too`,
            expected: `"${kind}" of the user, or a claim of that name`,
            fix: `remove "${kind}" from the claims`,
          })
        : [],
    ),
  ])

const passwordKeys = ['password', 'password_argon2id', 'password_hash'] as const

function twoPasswords(user: User): readonly Diagnostic[] {
  const [first, second] = passwordKeys.filter(key => user.value[key] !== undefined)
  if (first === undefined || second === undefined) return []
  return diagnosticAt(user, first, {
    problem: `the user has a ${first} and a ${second}`,
    expected: 'one of the two, or neither',
    fix: 'remove one',
  })
}

export const accountWarnings = (draft: Draft): readonly Diagnostic[] => [
  ...sharedCredentials(draft),
  ...sharedAddresses(draft),
]

/** Each confirmed address identifies one user, and a user name takes precedence over an address. */
function sharedAddresses({ users }: Draft): readonly Diagnostic[] {
  const placeOf = (text: string, tenant = '') => JSON.stringify([tenant, identityKey(text)])
  const names = new Map(users.map(user => [placeOf(user.value.username, user.value.tenant), user]))
  const owners = new Map<string, User>()
  return users.flatMap(user => {
    const { email, email_verified } = user.value.claims
    if (typeof email !== 'string' || email_verified !== true) return []
    const place = placeOf(email, user.value.tenant)
    const named = names.get(place)
    const other = named && named !== user ? named : owners.get(place)
    owners.set(place, user)
    if (!other) return []
    return diagnosticAt(user, 'claims', {
      problem: `the confirmed address "${email}" is also ${other.list}[${other.index}]'s ${other === named ? 'username' : 'address'}, so this user can't sign in with it`,
      expected: "a confirmed address that is no other user's address or username in the same tenant",
      fix: 'change one of the two; ignore this if sign-in with the username is enough',
    })
  })
}

type User = Draft['users'][number]

/** An API and a client with the same name would use the same credentials at introspection. */
const sharedCredentials = (draft: Draft): readonly Diagnostic[] =>
  draft.api_resources.flatMap(api =>
    api.value.api_secrets.length > 0 && draft.names.clients.has(api.value.name)
      ? diagnosticAt(api, 'name', {
          problem: `"${api.value.name}" is a client_id too, and both authenticate at introspection`,
          expected: 'a name that no client has',
          fix: 'rename the API or the client',
        })
      : [],
  )

export function signUpErrors(whole: ConfigurationDraft): readonly Diagnostic[] {
  const server = { ...whole, signUp: whole.accounts?.sign_up, at: '' }
  const tenants = whole.tenants.map((tenant, index) => ({
    issuer: tenant.issuer === undefined || tenant.issuer === 'path' ? whole.issuer : tenant.issuer,
    // For a tenant that shares the issuer, only sign_up of its accounts applies.
    accounts: tenant.issuer === undefined ? whole.accounts : tenant.accounts,
    signUp: tenant.accounts?.sign_up,
    mail: tenant.mail ?? whole.mail,
    validators: tenant.validators ?? whole.validators,
    userStore: tenant.userStore ?? whole.userStore,
    at: `tenants[${index}].`,
  }))
  return [server, ...tenants].flatMap(({ issuer, accounts, signUp, mail, validators, userStore, at }) => {
    if (!signUp) return []
    if (!accounts) return [withoutAccounts(at)]
    const local = issuer === undefined || isLoopback(new URL(issuer).hostname)
    const needsMail = accounts.email_verification !== 'off' && mail === undefined && !local
    return [
      ...(needsMail ? [withoutMail(at)] : []),
      ...(validators?.password === undefined ? [] : [passwordsElsewhere(at)]),
      ...(userStore?.create && accounts.email_verification === 'optional' ? [verifiedTooLate(at)] : []),
    ]
  })
}

/** The password validator would be called for the users of the store. */
export function userStoreErrors(whole: ConfigurationDraft): readonly Diagnostic[] {
  const tenants = whole.tenants.flatMap(({ userStore, validators }, index) =>
    userStore || validators
      ? [
          {
            userStore: userStore ?? whole.userStore,
            validators: validators ?? whole.validators,
            at: `tenants[${index}].`,
          },
        ]
      : [],
  )
  return [{ ...whole, at: '' }, ...tenants].flatMap(({ userStore, validators, at }) =>
    userStore && validators?.password ? [twoStores(at)] : [],
  )
}

const twoStores = (at: string): Diagnostic => ({
  path: `${at}userStore`,
  problem: 'validators.password checks the passwords of local users, so users of the store could not sign in',
  expected: 'userStore or validators.password',
  fix: 'check passwords in userStore.checkPassword, and remove validators.password',
})

/** Warns about tenants that share the server's issuer and let anyone create an account with tokens for the tenant. */
export const signUpWarnings = ({ tenants }: ConfigurationDraft): readonly Diagnostic[] =>
  tenants.flatMap(({ name, issuer, accounts }, index) =>
    issuer === undefined && accounts?.sign_up
      ? [
          {
            path: `tenants[${index}].accounts.sign_up`,
            problem: `anyone can create an account in tenant "${name}", and its tokens contain "tenant": "${name}"`,
            expected: 'that this is intended, and that APIs do not authorize by tenant alone',
            fix: 'remove it, and add users with "tessera users add --in-tenant"; ignore this if it is intended',
          },
        ]
      : [],
  )

const withoutAccounts = (at: string): Diagnostic => ({
  path: `${at}accounts.sign_up`,
  problem: 'the top level of the configuration has no "accounts", so the server stores no accounts',
  expected: '"accounts": {} at the top level, beside "tenants"',
  fix: 'add "accounts": {}',
})

const withoutMail = (at: string): Diagnostic => ({
  path: `${at}accounts.sign_up`,
  problem: 'sign-up sends mail, but "mail" is not configured',
  expected: '"mail": { "from": "…", "smtp": { "host": "…" } }, or "email_verification": "off"',
  fix: 'add "mail"',
})

const verifiedTooLate = (at: string): Diagnostic => ({
  path: `${at}accounts.email_verification`,
  problem:
    'userStore.create adds users before their address is verified, and can not be told later that it is',
  expected: '"required" or "off" with userStore.create',
  fix: 'write "required"',
})

const passwordsElsewhere = (at: string): Diagnostic => ({
  path: `${at}accounts.sign_up`,
  problem: 'validators.password checks the passwords, so a password chosen at sign-up would have no effect',
  expected: 'sign_up or validators.password',
  fix: 'remove one of the two',
})
