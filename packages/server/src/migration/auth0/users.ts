/**
 * Users of Auth0: an export of its extension or its API (NDJSON), the file of an import with hashes, and the file of hashes
 * that its support sends. Its rows belong to users by their identifier.
 */

import { passwordHashError } from '../../runtime/password-hash/read.ts'
import { carry, filledText, flag } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import { elements, isBlank, leaveOut, notNeeded } from '../outcomes.ts'
import { membersOf, own, textOf, textsOf } from '../raw.ts'
import type { Source } from '../source.ts'
import type { Issuers } from './connections.ts'
import { readCustomHash } from './hashes.ts'

export function readUsers(lists: readonly Source[], draft: Draft, issuers: Issuers): void {
  const rows = lists.flatMap(list => elements(list))
  const targets = new Map<string, Target>()
  // Rows of the support come last: they belong to users who may be in another file.
  for (const row of rows) {
    if (isHashRow(row)) continue
    const target = draft.add('stored_users')
    readUser(row, target, issuers)
    const id = textOf(target.value.sub)
    if (id !== undefined && !targets.has(id)) targets.set(id, target)
  }
  for (const row of rows) if (isHashRow(row)) readHashRow(row, draft, targets)
}

const isHashRow = (row: Source): boolean => {
  const whole = membersOf(row.whole())
  return own(whole, '_id') !== undefined && own(whole, 'user_id') === undefined
}

function readUser(row: Source, target: Target, issuers: Issuers): void {
  readId(row.member('user_id'), target)
  readName(row, target)
  carry(row.member('email'), target, 'email', filledText)
  const verified = row.member('email_verified')
  if (target.value.email === undefined) verified.notNeeded('there is no address')
  else carry(verified, target, 'email_verified', flag)
  const blocked = row.member('blocked')
  if (blocked.exists && blocked.flag() !== false) {
    target.set('disabled', true)
    blocked.carriedOver(target.at('disabled'))
  } else blocked.notNeeded('users are enabled by default')
  readClaims(row, target)
  readPassword(row, target)
  readFactors(row.member('mfa_factors'), target)
  readIdentities(row.member('identities'), target, issuers)
  notNeeded(row, records, 'it is only a record of the old server')
  leaveOut(
    row.member('multifactor'),
    'the file does not contain the secrets of second factors: the user adds them again',
  )
}

const records = [
  ...[
    'created_at',
    'updated_at',
    'last_login',
    'last_ip',
    'logins_count',
    'last_password_reset',
    'multifactor_last_modified',
  ],
  ...[
    'global_client_id',
    'persona',
    '_tmp_is_unique',
    'version',
    'tenant',
    'connection',
    'password_set_date',
  ],
]

/** The file of an import has the identifier without the name of its kind of connection. */
function readId(id: Source, target: Target): void {
  const text = id.text()
  if (text === undefined || text === '') return
  const whole = text.includes('|') ? text : `auth0|${text}`
  target.set('sub', whole)
  if (whole === text) id.carriedOver(target.at('sub'))
  else id.changed('the sub begins with auth0|, as in tokens of Auth0', target.at('sub'))
}

/** Users of Auth0 often have no user name, and sign in with their address. */
function readName(row: Source, target: Target): void {
  const name = row.member('username')
  if (typeof name.whole() === 'string' && name.whole() !== '') {
    carry(name, target, 'username', filledText)
    return
  }
  name.notNeeded('it is empty')
  const whole = membersOf(row.whole())
  const other = textOf(own(whole, 'email')) || textOf(own(whole, 'user_id'))
  target.set('username', other)
  row.added('a user without a name has the address as name, or else the identifier', target.at('username'))
}

const claims = ['name', 'nickname', 'given_name', 'family_name', 'picture']

function readClaims(row: Source, target: Target): void {
  const found: Record<string, unknown> = {}
  for (const name of claims) {
    const member = row.member(name)
    const text = member.text()
    if (text === undefined) continue
    if (text === '') member.notNeeded('it is empty')
    else {
      found[name] = text
      member.carriedOver(target.at('claims', name))
    }
  }
  const phone = row.member('phone_number')
  const number = phone.text()
  if (number !== undefined && number !== '') {
    found.phone_number = number
    phone.carriedOver(target.at('claims', 'phone_number'))
    const verified = row.member('phone_verified')
    if (verified.flag() !== undefined) {
      found.phone_number_verified = verified.flag()
      verified.carriedOver(target.at('claims', 'phone_number_verified'))
    }
  }
  // Clients see them only with a rule, as only actions and rules add them to tokens of Auth0.
  for (const name of ['user_metadata', 'app_metadata']) {
    const member = row.member(name)
    if (isBlank(member.whole())) member.notNeeded('it is empty')
    else if (!member.isObject) member.notPossible('it is not an object')
    else {
      found[name] = member.whole()
      member.carriedOver(target.at('claims', name))
    }
  }
  const authorization = membersOf(
    own(membersOf(own(membersOf(row.whole()), 'app_metadata')), 'authorization'),
  )
  for (const kind of ['roles', 'groups']) {
    const names = textsOf(own(authorization, kind))
    if (names.length === 0) continue
    target.set(kind, [...new Set(names)])
    row.member('app_metadata').changed(`authorization.${kind} are ${kind} of the user`, target.at(kind))
  }
  if (Object.keys(found).length > 0) target.set('claims', found)
}

function readPassword(row: Source, target: Target): void {
  const [plain, custom] = [row.member('password_hash'), row.member('custom_password_hash')]
  if (plain.exists) putHash(plain, target, textOf(plain.whole()) ?? '')
  if (!custom.exists) return
  const read = readCustomHash(custom.whole())
  if ('problem' in read) custom.notPossible(read.problem)
  else putHash(custom, target, read.hash)
}

function putHash(source: Source, target: Target, hash: string): void {
  const error = passwordHashError(hash)
  if (error) source.notPossible(`${error.problem}; expected ${error.expected}`)
  else if (target.value.password_hash !== undefined) source.notPossible('the user has another hash already')
  else {
    target.set('password_hash', hash)
    source.carriedOver(target.at('password_hash'))
  }
}

function readFactors(list: Source, target: Target): void {
  for (const factor of elements(list)) {
    const totp = factor.member('totp')
    const secret = textOf(own(membersOf(totp.whole()), 'secret'))
      ?.replaceAll(/[\s=]/g, '')
      .toUpperCase()
    if (secret === undefined || target.value.totp_secret !== undefined)
      factor.notPossible('only one authenticator app is possible; the user adds other factors again')
    else {
      target.set('totp_secret', secret)
      totp.member('secret').carriedOver(target.at('totp_secret'))
    }
  }
}

/** Accounts of other connections. The one of the database itself is the user. */
function readIdentities(list: Source, target: Target, issuers: Issuers): void {
  const found: object[] = []
  for (const identity of elements(list)) {
    const whole = membersOf(identity.whole())
    const [connection, id, provider] = ['connection', 'user_id', 'provider'].map(name =>
      textOf(own(whole, name)),
    )
    if (provider === 'auth0') {
      identity.notNeeded('it is the user')
      continue
    }
    const issuer = issuers.get(connection ?? '')
    if (issuer === undefined || id === undefined) {
      identity.notPossible('its connection is not carried over')
      continue
    }
    const place = target.at('identities', found.length)
    for (const name of ['connection', 'user_id', 'provider']) identity.member(name).carriedOver(place)
    notNeeded(
      identity,
      ['isSocial', 'profileData', 'access_token', 'refresh_token', 'expires_in'],
      'tokens and profiles of providers are read at the next sign-in',
    )
    found.push({ provider: connection, authority: issuer, id })
  }
  if (found.length > 0) target.set('identities', found)
}

/** A row of the support: `_id`, the address and `passwordHash`. */
function readHashRow(row: Source, draft: Draft, targets: ReadonlyMap<string, Target>): void {
  const whole = membersOf(row.whole())
  const id = textOf(own(membersOf(own(whole, '_id')), '$oid')) ?? textOf(own(whole, '_id')) ?? ''
  const sub = id.includes('|') ? id : `auth0|${id}`
  const known = targets.get(sub)
  const target = known ?? draft.add('stored_users')
  const identifier = row.member('_id')
  if (known) identifier.carriedOver(known.at('sub'))
  else {
    target.set('sub', id === '' ? undefined : sub)
    identifier.changed('the sub begins with auth0|, as in tokens of Auth0', target.at('sub'))
    readName(row, target)
    carry(row.member('email'), target, 'email', filledText)
    carry(row.member('email_verified'), target, 'email_verified', flag)
  }
  notNeeded(
    row,
    ['email', 'email_verified', 'username', 'identifiers'].filter(() => known !== undefined),
    'the user has it',
  )
  notNeeded(row, records, 'it is only a record of the old server')
  const hash = row.member('passwordHash')
  if (hash.exists) putHash(hash, target, textOf(hash.whole()) ?? '')
}
