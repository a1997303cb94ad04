/** Accounts and mail in a configuration. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertErrors, parsed } from './errors.ts'

const mail = { from: 'Login <login@a.example>', smtp: { host: 'smtp.a.example' } }
const issuer = 'https://id.example'

test('configuration: accounts are disabled by default, with the defaults of the guide', () => {
  const off = parsed({ issuer }).configuration.accounts
  assert.deepEqual([off.stored, off.signUp, off.passwordReset], [false, false, false])
  assert.deepEqual(parsed({ issuer, accounts: {} }).configuration.accounts, {
    stored: true,
    signUp: false,
    emailVerification: 'required',
    passwordReset: true,
    passwordPolicy: { min_length: 12 },
    selfDeletion: false,
    changeEnds: 'everything',
  })
})

test('configuration: sign-up by mail requires mail, except on a loopback issuer', () => {
  const accounts = { sign_up: true }
  assertErrors({ issuer, accounts }, [{ path: 'accounts.sign_up', problem: /mail/, fix: /mail/ }])
  parsed({ issuer, accounts, mail })
  parsed({ issuer, accounts: { ...accounts, email_verification: 'off' } })
  parsed({ issuer: 'http://localhost:1', accounts })
  parsed({ accounts })
  assertErrors({ issuer, tenants: [{ name: 'acme', issuer: 'path', accounts }] }, [
    { path: 'tenants[0].accounts.sign_up', problem: /mail/ },
  ])
})

test('configuration: sign-up can’t be combined with a module that checks the passwords', () => {
  assertErrors(
    { issuer, mail, accounts: { sign_up: true }, validators: { password: { check: () => ({ ok: false }) } } },
    [{ path: 'accounts.sign_up', problem: /validators\.password/ }],
    { isModule: true },
  )
})

const userStore = { findBySub: () => undefined, findByUsername: () => undefined }
const validators = { password: { check: () => ({ ok: false }) } }

for (const [what, changes, path, problem] of [
  [
    'has an unknown function',
    { userStore: { ...userStore, findByName: () => {} } },
    'userStore',
    /"findByName"/,
  ],
  ['lacks a function', { userStore: { findBySub: () => {} } }, 'userStore', /findByUsername is missing/],
  ['is beside a password validator', { userStore, validators }, 'userStore', /validators\.password/],
  [
    'is beside a password validator of a tenant',
    { userStore, tenants: [{ name: 'acme', issuer: 'path', validators }] },
    'tenants[0].userStore',
    /validators\.password/,
  ],
  [
    'adds users before their address is verified',
    {
      userStore: { ...userStore, create: () => true },
      accounts: { sign_up: true, email_verification: 'optional' },
    },
    'accounts.email_verification',
    /userStore\.create/,
  ],
] as const)
  test(`configuration: a user store that ${what} is an error`, () => {
    assertErrors({ issuer, mail, ...changes }, [{ path, problem }], { isModule: true })
  })

test('configuration: a tenant with its own issuer has its own accounts and inherits the mail', () => {
  const tenants = [{ name: 'acme', issuer: 'path' }]
  const { configuration } = parsed({ issuer, mail, accounts: { sign_up: true }, tenants })
  const acme = configuration.tenantIssuers.get('acme')
  assert.equal(acme?.accounts.signUp, false)
  assert.deepEqual(acme?.mail, configuration.mail)
})

test('configuration: the mail server’s password may come from the environment, and only with a mail server', () => {
  const environment = { TESSERA_SMTP_PASSWORD: 'secret' }
  const smtp = { host: 'smtp.a.example', port: 587, secure: false, password: 'secret' }
  assert.deepEqual(parsed({ issuer, mail }, { environment }).configuration.mail, { ...mail, smtp })
  const without = parsed({ issuer }, { environment })
  assert.deepEqual([without.configuration.mail, without.warnings], [undefined, []])
})

test('configuration: an invalid address, a short password and unknown values are errors', () => {
  assertErrors(
    {
      issuer,
      mail: { from: 'nobody', smtp: {} },
      accounts: { password_policy: { min_length: 7 }, email_verification: 'maybe', signup: true },
    },
    [
      { path: 'mail.from', problem: /not an email address/ },
      { path: 'mail.smtp.host', problem: /missing/ },
      { path: 'accounts.password_policy.min_length', problem: /too small/ },
      { path: 'accounts.email_verification', problem: /"maybe"/ },
      { path: 'accounts.signup', problem: /not a known key/, nearest: 'sign_up' },
    ],
  )
})
