/** Users and APIs: what each must have to work. */

import { type Draft, faultAt } from '../draft.ts'
import type { Fault } from '../fault.ts'

export const accountFaults = (draft: Draft): readonly Fault[] =>
  draft.users.flatMap(user =>
    user.value.password !== undefined && user.value.password_argon2id !== undefined
      ? faultAt(user, 'password', {
          problem: 'the user has a password and a password_argon2id',
          expected: 'one of the two, or neither',
          fix: 'remove one',
        })
      : [],
  )

/** An API and a client of one name would answer to the same credentials at introspection. */
export const accountDoubts = (draft: Draft): readonly Fault[] =>
  draft.api_resources.flatMap(api =>
    api.value.api_secrets.length > 0 && draft.names.clients.has(api.value.name)
      ? faultAt(api, 'name', {
          problem: `"${api.value.name}" is a client_id too, and both authenticate at introspection`,
          expected: 'a name that no client has',
          fix: 'rename the API or the client',
        })
      : [],
  )
