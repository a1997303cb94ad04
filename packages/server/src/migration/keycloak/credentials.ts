/** Credentials of a user: the password and an authenticator app. */

import { importedPasswordHash } from '../../runtime/password-hash/exported.ts'
import { passwordHashError } from '../../runtime/password-hash/read.ts'
import type { Target } from '../draft.ts'
import { elements } from '../outcomes.ts'
import { type Members, membersOf, own, textOf } from '../raw.ts'
import type { Source } from '../source.ts'

export function readCredentials(list: Source, target: Target): void {
  for (const source of elements(list)) {
    const kind = textOf(source.member('type').whole()) ?? ''
    const read = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (read) read(source, target)
    else source.notPossible('this kind of credential does not exist here')
  }
}

const kinds: Readonly<Record<string, (source: Source, target: Target) => void>> = {
  password: readPassword,
  otp: readOtp,
  totp: readOtp,
  webauthn: leavePasskey,
  'webauthn-passwordless': leavePasskey,
  'recovery-authn-codes': source =>
    source.notPossible('recovery codes are stored as hashes of another kind: the user creates new ones'),
}

function leavePasskey(source: Source): void {
  source.notPossible('the file does not contain what is needed to verify it: the user adds the passkey again')
}

const members = [
  'type',
  'secretData',
  'credentialData',
  'hashedSaltedValue',
  'salt',
  'hashIterations',
  'algorithm',
]
const unneeded = [
  'id',
  'userLabel',
  'createdDate',
  'priority',
  'counter',
  'digits',
  'period',
  'config',
  'temporary',
]

function readPassword(source: Source, target: Target): void {
  const whole = membersOf(source.whole())
  if (typeof own(whole, 'value') === 'string') {
    source.notPossible(
      'it is the password itself, which is not copied: use "tessera users set-password" or a link from "Forgot your password?"',
    )
    return
  }
  const hash = importedPasswordHash(JSON.stringify({ ...whole, type: 'password' }))
  const error = passwordHashError(hash)
  if (error || target.value.password_hash !== undefined) {
    source.notPossible(
      error ? `${error.problem}; expected ${error.expected}` : 'the user has a password already',
    )
    return
  }
  target.set('password_hash', hash)
  settle(source, target.at('password_hash'))
}

function settle(source: Source, place: ReturnType<Target['at']>): void {
  for (const name of members) source.member(name).carriedOver(place)
  for (const name of unneeded) source.member(name).notNeeded('it only describes the credential')
}

/** The secret is the text itself, in UTF-8, unless it is marked as base32. */
function readOtp(source: Source, target: Target): void {
  const whole = membersOf(source.whole())
  const data = parsed(own(whole, 'credentialData'), whole)
  const secret = textOf(own(parsed(own(whole, 'secretData'), whole), 'value'))
  const isUsual =
    [undefined, 'totp'].includes(textOf(own(data, 'subType'))) &&
    own(data, 'digits') === 6 &&
    own(data, 'period') === 30 &&
    own(data, 'algorithm') === 'HmacSHA1'
  if (!secret || !isUsual || target.value.totp_secret !== undefined) {
    source.notPossible(
      'only one authenticator app is possible, with six digits, 30 seconds and SHA-1: until the user adds it again, the password is enough, unless mfa.mode is "required"',
    )
    return
  }
  target.set('totp_secret', own(data, 'secretEncoding') === 'BASE32' ? secret : base32(Buffer.from(secret)))
  settle(source, target.at('totp_secret'))
}

function parsed(value: unknown, otherwise: Members): Members {
  if (typeof value !== 'string') return value === undefined ? otherwise : membersOf(value)
  try {
    return membersOf(JSON.parse(value))
  } catch {
    return {}
  }
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Encodes without padding (RFC 4648 §6). */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? []).map(part => letters[Number.parseInt(part.padEnd(5, '0'), 2)]).join('')
}
