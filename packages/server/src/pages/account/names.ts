/** The page on which users change their name (OpenID Connect Core 1.0 §5.1). */

import type { Endpoint } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import type { JsonObject } from '@tessera/protocol/result'
import type { Accounts } from '../../identity/accounts.ts'
import { recordClaimsOf } from '../../model/user-claims.ts'
import type { Clock } from '../../runtime/ports.ts'
import { type AccountPagePorts, storedUserPage } from './account-page.ts'

type NamesPorts = AccountPagePorts & {
  readonly accounts: Pick<Accounts, 'update'>
  readonly clock: Clock
}

/** Maps fields to claims. */
const claimOf = { full_name: 'name', given_name: 'given_name', family_name: 'family_name' } as const
const fields = Object.keys(claimOf) as readonly (keyof typeof claimOf)[]

/** `GET` and `POST /account/name`: an empty field removes the claim. */
export const createNamesEndpoint = (ports: NamesPorts): Endpoint =>
  storedUserPage(ports, {
    path: '/account/name',
    section: 'profile',
    form: ({ claims }) => ({ kind: 'names', fields, values: valuesOf(claims) }),
    async act({ owner: stored, redirect, link }, form, again) {
      const claims = renamed(recordClaimsOf(stored.claims).claims, form, ports.clock.now())
      const changed = await ports.accounts.update(stored, { claims })
      return changed.ok ? redirect(link('/account')) : again('changed', valuesOf(claims))
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
