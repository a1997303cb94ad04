/** Rules for tenants with their own issuer: their names, their addresses, and references to them. */

import { type Diagnostic, valueAt } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'
import { keyOwners, type TenantDraft } from '../schema/whole.ts'

type Tenant = Entry<TenantDraft>

/** @param issuer the server's issuer, as configured. */
export const tenantErrors = (draft: Draft, issuer: unknown): readonly Diagnostic[] => [
  ...draft.tenants.flatMap(tenant =>
    tenant.value.issuer === undefined ? sharedErrors(tenant) : nameErrors(tenant),
  ),
  ...addressErrors(draft.tenants, typeof issuer === 'string' ? issuer : undefined),
  ...draft.clients.flatMap(client => foreignTenants(client, draft.tenants)),
]

/** A tenant that shares the server's issuer can only have its own policy for second factors and for sign-up. */
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
  problem: "the tenant shares the server's issuer, so it can't have this key",
  expected: '"issuer" in the same entry',
  fix: 'add "issuer": "path", or move this to the top of the configuration',
}

/** The name becomes part of a URL and of a file name, and both may be case-insensitive. */
const nameErrors = (tenant: Tenant): readonly Diagnostic[] =>
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(tenant.value.name)
    ? []
    : diagnosticAt(tenant, 'name', {
        problem: 'the tenant has its own issuer, and its name contains characters that are not allowed there',
        expected: 'at most 63 lower-case letters, digits and inner hyphens',
        fix: 'rename it, or remove "issuer"',
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
          problem: `${other} has the same host`,
          expected: 'a different host',
          fix: 'use another host, or write "path"',
        })
  })
}

/** Users of another issuer can't sign in at this one. */
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
            problem: `tenant "${name}" has its own issuer, and its users sign in only there`,
            expected: "tenants that share the server's issuer",
            fix: `remove it; list the client under "clients" of that tenant`,
          },
          index,
        )
      : [],
  )
