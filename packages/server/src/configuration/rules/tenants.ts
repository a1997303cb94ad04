/** Tenants with an issuer of their own: what their names and addresses must be, and who may still name them. */

import { type Diagnostic, valueAt } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'
import { keyOwners, type TenantDraft } from '../schema/whole.ts'

type Tenant = Entry<TenantDraft>

/** @param issuer the server's own, as configured. */
export const tenantErrors = (draft: Draft, issuer: unknown): readonly Diagnostic[] => [
  ...draft.tenants.flatMap(tenant =>
    tenant.value.issuer === undefined ? sharedErrors(tenant) : nameErrors(tenant),
  ),
  ...addressErrors(draft.tenants, typeof issuer === 'string' ? issuer : undefined),
  ...draft.clients.flatMap(client => foreignTenants(client, draft.tenants)),
]

/** A tenant that shares the server's issuer shares everything except its policy for second factors and who may sign up. */
const sharedErrors = (tenant: Tenant): readonly Diagnostic[] => [
  ...Object.entries(keyOwners).flatMap(([key, owner]) =>
    owner === 'server' || ownOfShared.has(key) || tenant.value[key as keyof TenantDraft] === undefined
      ? []
      : diagnosticAt(tenant, key as keyof TenantDraft, notItsOwn),
  ),
  ...Object.keys(Object(valueAt(tenant.raw, ['accounts']))).flatMap(key =>
    key === 'sign_up'
      ? []
      : diagnosticAt(tenant, 'accounts', notItsOwn).map(error => ({
          ...error,
          path: `${error.path}.${key}`,
        })),
  ),
]

const ownOfShared: ReadonlySet<string> = new Set(['mfa', 'accounts'])

const notItsOwn = {
  problem: "the tenant shares the server's issuer and so can't have this for itself",
  expected: '"issuer" beside it',
  fix: 'add "issuer": "path", or move this to the top of the configuration',
}

/** It is part of an address and of a file's name, and both may disregard case. */
const nameErrors = (tenant: Tenant): readonly Diagnostic[] =>
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(tenant.value.name)
    ? []
    : diagnosticAt(tenant, 'name', {
        problem: 'the name of a tenant with an issuer of its own holds other characters',
        expected: 'at most 63 small letters, digits and hyphens within',
        fix: 'rename it, or leave out "issuer"',
      })

function addressErrors(tenants: readonly Tenant[], issuer: string | undefined): readonly Diagnostic[] {
  const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : url)
  const owners = new Map(issuer === undefined ? [] : [[hostOf(issuer), 'the server']])
  return tenants.flatMap(tenant => {
    const { issuer, name } = tenant.value
    if (issuer === undefined || issuer === 'path') return []
    const host = hostOf(issuer)
    const other = owners.get(host)
    owners.set(host, other ?? `tenant "${name}"`)
    return other === undefined
      ? []
      : diagnosticAt(tenant, 'issuer', {
          problem: `its host is that of ${other}`,
          expected: 'a host of its own',
          fix: 'give it another host, or write "path"',
        })
  })
}

/** Nobody of another issuer signs in at this one. */
const foreignTenants = (
  client: Draft['clients'][number],
  tenants: readonly Tenant[],
): readonly Diagnostic[] =>
  client.value.tenants.flatMap((name, index) =>
    tenants.some(({ value }) => value.name === name && value.issuer !== undefined)
      ? diagnosticAt(
          client,
          'tenants',
          {
            problem: `tenant "${name}" has an issuer of its own, and its users sign in only there`,
            expected: "tenants that share the server's issuer",
            fix: `remove it; list the client under "clients" of that tenant`,
          },
          index,
        )
      : [],
  )
