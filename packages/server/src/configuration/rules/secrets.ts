/** Secrets and password hashes that are easy to guess, or that cost more than others. */

import { defaultCost } from '../../runtime/password-hash/argon2.ts'
import { findPasswordHash } from '../../runtime/password-hash/read.ts'
import type { Description, Diagnostic } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'

/** 16 random characters have more than 80 bits of entropy. */
const least = 16

export const secretWarnings = (draft: Draft): readonly Diagnostic[] => [
  ...draft.clients.flatMap(client => shortSecrets(client, 'client_secrets', client.value.client_secrets)),
  ...draft.api_resources.flatMap(api => shortSecrets(api, 'api_secrets', api.value.api_secrets)),
  ...shortTokens(draft),
  ...draft.clients.flatMap(client => weakHashes(client, 'client_secrets', client.value.client_secrets)),
  ...draft.api_resources.flatMap(api => weakHashes(api, 'api_secrets', api.value.api_secrets)),
  ...draft.users.flatMap(weakHash),
  ...draft.users.flatMap(costlyHash),
  ...draft.users.flatMap(importedHash),
]

type User = Draft['users'][number]

/** Checks only values that are in the configuration, not hashes. */
const shortSecrets = <Value>(
  entry: Entry<Value>,
  list: keyof Value & string,
  secrets: readonly { readonly value?: unknown }[],
): readonly Diagnostic[] =>
  secrets.flatMap(({ value }, index) => (isShort(value) ? diagnosticAt(entry, list, tooShort, index) : []))

const shortTokens = ({ registration }: Draft): readonly Diagnostic[] =>
  (registration?.value.initial_access_tokens ?? []).flatMap(({ value }, index) =>
    isShort(value) ? { path: `${registration?.path}.initial_access_tokens[${index}]`, ...tooShort } : [],
  )

const isShort = (value: unknown): boolean => typeof value === 'string' && value.length < least

const tooShort = {
  problem: `its value has fewer than ${least} characters, so it could be guessed`,
  expected: `${least} characters or more, generated at random`,
  fix: 'generate one with: openssl rand -base64 32',
} as const

/** A plain digest shows nothing about its secret. */
const weakHashes = <Value>(
  entry: Entry<Value>,
  list: keyof Value & string,
  secrets: readonly { readonly argon2id?: string | undefined }[],
): readonly Diagnostic[] =>
  secrets.flatMap(({ argon2id }, index) => {
    const warning = weakArgon2id(argon2id)
    return warning ? diagnosticAt(entry, list, warning, index) : []
  })

function weakHash(user: User): readonly Diagnostic[] {
  const warning = weakArgon2id(user.value.password_argon2id)
  return warning ? diagnosticAt(user, 'password_argon2id', warning) : []
}

function weakArgon2id(encoded: string | undefined): Description | undefined {
  const weakness = findPasswordHash(encoded ?? '')?.weakness
  return weakness === undefined
    ? undefined
    : {
        problem: `it is easy to guess from: ${weakness}`,
        expected: usualCost,
        fix: 'generate one with: tessera hash-secret --argon2id',
      }
}

const usualCost = `m=${defaultCost.memoryCost}, t=${defaultCost.timeCost}, like stored users`

/** Otherwise response times would reveal that the user exists, so every check includes each cost. */
function costlyHash(user: User): readonly Diagnostic[] {
  const { password_argon2id: encoded } = user.value
  const [memory = 0, passes = 0] = (/\$m=(\d+),t=(\d+)/.exec(encoded ?? '') ?? []).slice(1).map(Number)
  if (memory * passes <= defaultCost.memoryCost * defaultCost.timeCost) return []
  return diagnosticAt(user, 'password_argon2id', {
    problem: `checking it costs more (m=${memory}, t=${passes}) than the default, and so does every sign-in, also with an unknown name`,
    expected: usualCost,
    fix: 'generate one with: tessera hash-secret --argon2id',
  })
}

/** Nothing can replace a hash in the configuration at the next sign-in, as is done for stored users. */
function importedHash(user: User): readonly Diagnostic[] {
  const hash = findPasswordHash(user.value.password_hash ?? '')
  if (!hash || hash.isCurrent) return []
  const stays = 'a hash in the configuration is not replaced by argon2id at the next sign-in'
  return diagnosticAt(user, 'password_hash', {
    problem: hash.weakness === undefined ? stays : `it is easy to guess from: ${hash.weakness}; and ${stays}`,
    expected: 'password_argon2id, or a stored user, whose hash is replaced',
    fix: 'add the user with "tessera users add --password-hash", or let them choose a new password',
  })
}
