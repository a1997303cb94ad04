/** The page on which users change what they are called (OpenID Connect Core 1.0 §5.1). */

import type { Endpoint } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import type { JsonObject } from '@tessera/protocol/result'
import type { Accounts } from '../../identity/accounts.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Clock } from '../../runtime/ports.ts'
import { type StoredUserPagePorts, storedUserPage } from './stored-user-page.ts'

export type NamesPorts = StoredUserPagePorts & {
  readonly accounts: Pick<Accounts, 'find' | 'update'>
  readonly clock: Clock
}

/** Field → claim. */
const claimOf = { full_name: 'name', given_name: 'given_name', family_name: 'family_name' } as const
const fields = Object.keys(claimOf) as readonly (keyof typeof claimOf)[]

/** `GET` and `POST /account/name`: an empty field takes the claim away. */
export const createNamesEndpoint = (ports: NamesPorts): Endpoint =>
  storedUserPage(ports, {
    path: '/account/name',
    section: 'profile',
    form: ({ claims }) => ({ kind: 'names', fields, values: valuesOf(claims) }),
    async act({ request, stored }, form, again) {
      const claims = renamed(stored.claims, form, ports.clock.now())
      const changed = await ports.accounts.update(stored, { claims })
      return changed.ok
        ? redirectResponse(request, ports.paths('/account'))
        : again('changed', valuesOf(claims))
    },
  })

const valuesOf = (claims: JsonObject): Partial<Record<keyof typeof claimOf, string>> =>
  Object.fromEntries(
    fields.flatMap(field => {
      const value = claims[claimOf[field]]
      return typeof value === 'string' ? [[field, value]] : []
    }),
  )

function renamed(claims: JsonObject, form: Parameters, now: number): JsonObject {
  const changes = fields.map(field => [claimOf[field], form.get(field)?.trim() || undefined] as const)
  const kept = Object.entries({ ...claims, ...Object.fromEntries(changes), updated_at: now })
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined)) as JsonObject
}
