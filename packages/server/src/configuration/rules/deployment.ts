/** Settings of the server that contradict each other. */

import type { Diagnostic } from '../diagnostic.ts'
import { canHavePasskeys, isLoopback } from '../issuer.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'

type Rule = Diagnostic & { readonly isBroken: (draft: ConfigurationDraft) => boolean }

const rules: readonly Rule[] = [
  {
    isBroken: ({ workers = 1, storage }) => workers !== 1 && storage === 'memory:',
    path: 'workers',
    problem: 'each process would have a memory of its own: none would know what another issued',
    expected: '1 where the storage is "memory:"',
    fix: 'write 1, or name a storage that processes share, such as "sqlite:./tessera.db"',
  },
  {
    isBroken: ({ storage, storage_replica }) =>
      storage_replica !== undefined && !storage.startsWith('postgres'),
    path: 'storage_replica',
    problem: 'only PostgreSQL has replicas that can be read',
    expected: 'none beside this storage',
    fix: 'leave it out, or name the primary, postgres://…, as the storage',
  },
  {
    isBroken: ({ trust_forwarded_host, trusted_proxies }) =>
      trust_forwarded_host && trusted_proxies.length === 0,
    path: 'trust_forwarded_host',
    problem: 'no proxy is trusted, so x-forwarded-host is never believed',
    expected: 'the proxies that set it, in "trusted_proxies"',
    fix: 'add "trusted_proxies": ["…"], or leave this out',
  },
  {
    isBroken: ({ mfa, issuer }) =>
      mfa.mode !== 'off' && !mfa.methods.includes('totp') && issuer !== undefined && !canHavePasskeys(issuer),
    path: 'mfa.methods',
    problem: 'passkeys belong to a domain, and the issuer is an IP address',
    expected: 'an issuer with a host name, or "totp" among the methods',
    fix: 'give the issuer a host name (localhost will do for developing), or add "totp"',
  },
]

export const deploymentErrors = (draft: ConfigurationDraft): readonly Diagnostic[] =>
  rules.flatMap(({ isBroken, ...diagnostic }) => (isBroken(draft) ? diagnostic : []))

/** Warns about a server that other machines can reach and that calls itself localhost. */
export const deploymentWarnings = (
  { host, issuer: configured }: ConfigurationDraft,
  issuer: string,
): readonly Diagnostic[] =>
  configured !== undefined || isLoopback(host) || host === '::1'
    ? []
    : [
        {
          path: 'issuer',
          problem: `it is omitted, so it is ${issuer}, and host ${host} serves other machines`,
          expected: 'the address that clients know, such as https://login.example',
          fix: 'add "issuer", or set TESSERA_ISSUER',
        },
      ]
