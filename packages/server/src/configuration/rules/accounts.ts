/** Users and APIs: what each must have to work. */

import { identityKey } from '../../model/stored-user.ts'
import { type Draft, faultAt } from '../draft.ts'
import type { Fault } from '../fault.ts'

export const accountFaults = (draft: Draft): readonly Fault[] =>
  draft.users.flatMap(user => [
    ...(identityKey(user.value.username) === ''
      ? faultAt(user, 'username', {
          problem: 'the username consists of spaces only, which do not count',
          expected: 'a name that can be typed',
          fix: 'write the name that the user signs in with',
        })
      : []),
    ...(user.value.password !== undefined && user.value.password_argon2id !== undefined
      ? faultAt(user, 'password', {
          problem: 'the user has a password and a password_argon2id',
          expected: 'one of the two, or neither',
          fix: 'remove one',
        })
      : []),
  ])

export const accountDoubts = (draft: Draft): readonly Fault[] => [
  ...sharedCredentials(draft),
  ...sharedAddresses(draft),
]

/** A confirmed address signs in one user, or nobody; a name comes before an address. */
function sharedAddresses({ users }: Draft): readonly Fault[] {
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
    return faultAt(user, 'claims', {
      problem: `the confirmed address "${email}" is also ${other.list}[${other.index}]'s ${other === named ? 'username' : 'address'}, so this user can't sign in by it`,
      expected: "a confirmed address that is no other user's address or username in the same tenant",
      fix: 'change one of the two; ignore this if sign-in by username is enough',
    })
  })
}

type User = Draft['users'][number]

/** An API and a client of one name would answer to the same credentials at introspection. */
const sharedCredentials = (draft: Draft): readonly Fault[] =>
  draft.api_resources.flatMap(api =>
    api.value.api_secrets.length > 0 && draft.names.clients.has(api.value.name)
      ? faultAt(api, 'name', {
          problem: `"${api.value.name}" is a client_id too, and both authenticate at introspection`,
          expected: 'a name that no client has',
          fix: 'rename the API or the client',
        })
      : [],
  )
