/** Secrets that could be guessed (RFC 6749 §10.10), and hashes whose cost gives their users away. */

import { defaultCost } from '../../runtime/argon2id.ts'
import { type Draft, type Entry, faultAt } from '../draft.ts'
import type { Fault } from '../fault.ts'

/** 16 characters that a machine chose are more than 80 bits. */
const least = 16

export const secretDoubts = (draft: Draft): readonly Fault[] => [
  ...draft.clients.flatMap(client => shortSecrets(client, 'client_secrets', client.value.client_secrets)),
  ...draft.api_resources.flatMap(api => shortSecrets(api, 'api_secrets', api.value.api_secrets)),
  ...shortTokens(draft),
  ...draft.users.flatMap(costlyHash),
]

/** A value that is read from elsewhere is not seen here. */
const shortSecrets = <Value>(
  entry: Entry<Value>,
  list: keyof Value & string,
  secrets: readonly { readonly value?: unknown }[],
): readonly Fault[] =>
  secrets.flatMap(({ value }, index) => (isShort(value) ? faultAt(entry, list, tooShort, index) : []))

const shortTokens = ({ registration }: Draft): readonly Fault[] =>
  (registration?.value.initial_access_tokens ?? []).flatMap(({ value }, index) =>
    isShort(value) ? { path: `${registration?.path}.initial_access_tokens[${index}]`, ...tooShort } : [],
  )

const isShort = (value: unknown): boolean => typeof value === 'string' && value.length < least

const tooShort = {
  problem: `its value has fewer than ${least} characters, so it could be guessed`,
  expected: `${least} characters or more, chosen by a machine`,
  fix: 'make one with: openssl rand -base64 32',
} as const

/** Unknown names cost what the default costs: a wrong password that takes longer tells that the user exists. */
function costlyHash(user: Draft['users'][number]): readonly Fault[] {
  const { password_argon2id: encoded } = user.value
  const [memory = 0, passes = 0] = (/\$m=(\d+),t=(\d+)/.exec(encoded ?? '') ?? []).slice(1).map(Number)
  if (memory * passes <= defaultCost.memoryCost * defaultCost.timeCost) return []
  return faultAt(user, 'password_argon2id', {
    problem: `it costs more (m=${memory}, t=${passes}) than what is computed for unknown names, so response times tell that the user exists`,
    expected: `m=${defaultCost.memoryCost}, t=${defaultCost.timeCost}, as users who are kept in the store have`,
    fix: 'make one with: tessera hash-secret --argon2id',
  })
}
