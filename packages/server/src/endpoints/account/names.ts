/** The page on which users change what they are called (OpenID Connect Core 1.0 §5.1). */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import type { JsonObject } from '@tessera/protocol/result'
import type { Clock, Log } from '../../core/runtime.ts'
import type { StoredUser } from '../../core/stored-user.ts'
import type { Accounts } from '../../identity/accounts.ts'
import type { AccountVisit, EnterAccount } from '../../interaction/account.ts'
import type { Csrf } from '../../interaction/csrf.ts'
import { readPageForm } from '../../interaction/form.ts'
import type { Paths } from '../../interaction/paths.ts'
import { createPageRefuser } from '../../interaction/refused-page.ts'
import type { FieldProblem } from '../../ui/field-pages.ts'
import { redirectResponse } from '../../ui/page.ts'
import type { Pages } from '../../ui/pages.ts'

export type NamesPorts = {
  readonly enterAccount: EnterAccount
  readonly accounts: Accounts
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly clock: Clock
  readonly log: Log
}

/** Field → claim. */
const claimOf = { full_name: 'name', given_name: 'given_name', family_name: 'family_name' } as const
const fields = Object.keys(claimOf) as readonly (keyof typeof claimOf)[]

/** `GET` and `POST /account/name`: an empty field takes the claim away. */
export function createNamesEndpoint(ports: NamesPorts): Endpoint {
  const { accounts, pages, paths } = ports
  const refusePage = createPageRefuser('account', ports)

  return async request => {
    const visit = await ports.enterAccount(request, 'profile')
    if (!visit.ok) return visit.response
    const user = await accounts.find(visit.session.sub)
    if (!user) return pages.notice(request, { kind: 'notHere' }, { navigation: visit.navigation })
    if (request.method !== 'POST') return show(request, visit, user)
    const form = readPageForm(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const claims = renamed(user.claims, form.value, ports.clock.now())
    const changed = await accounts.update(user, { claims })
    return changed.ok
      ? redirectResponse(request, paths('/account'))
      : show(request, visit, { ...user, claims }, 'changed')
  }

  function show(
    request: HttpRequest,
    { navigation }: AccountVisit,
    { claims }: StoredUser,
    problem?: FieldProblem,
  ): Promise<HttpResponse> {
    const { token, cookie } = ports.csrf.token(request)
    const values = Object.fromEntries(
      fields.flatMap(field => {
        const value = claims[claimOf[field]]
        return typeof value === 'string' ? [[field, value]] : []
      }),
    )
    return pages.fields(
      request,
      {
        kind: 'names',
        form: { action: paths('/account/name'), csrf: token },
        ...{ fields, values },
        ...(problem && { problem }),
      },
      { navigation, cookies: [cookie], ...(problem && { status: 400 }) },
    )
  }
}

function renamed(claims: JsonObject, form: Parameters, now: number): JsonObject {
  const changes = fields.map(field => [claimOf[field], form.get(field)?.trim() || undefined] as const)
  const kept = Object.entries({ ...claims, ...Object.fromEntries(changes), updated_at: now })
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined)) as JsonObject
}
