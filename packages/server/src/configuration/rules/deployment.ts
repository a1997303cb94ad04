/** Settings of the server that contradict each other. */

import type { Diagnostic } from '../diagnostic.ts'
import { canHavePasskeys, isLoopback } from '../issuer.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'
import { availabilityErrors } from './algorithms.ts'

type Rule = Diagnostic & { readonly isBroken: (draft: ConfigurationDraft) => boolean }

const rules: readonly Rule[] = [
  {
    isBroken: ({ workers = 1, storage }) => workers !== 1 && storage === 'memory:',
    path: 'workers',
    problem: 'each process would have its own memory and would reject what the others issued',
    expected: '1 with storage "memory:"',
    fix: 'write 1, or use a storage that processes share, such as "sqlite:./tessera.db"',
  },
  {
    isBroken: ({ storage, storage_replica }) =>
      storage_replica !== undefined && !storage.startsWith('postgres'),
    path: 'storage_replica',
    problem: 'only PostgreSQL supports replicas',
    expected: 'no storage_replica with this storage',
    fix: 'remove it, or set storage to the primary, postgres://…',
  },
  {
    isBroken: ({ trust_forwarded_host, trusted_proxies }) =>
      trust_forwarded_host && trusted_proxies.length === 0,
    path: 'trust_forwarded_host',
    problem: 'no proxy is trusted, so x-forwarded-host is always ignored',
    expected: 'the proxies that set it, in "trusted_proxies"',
    fix: 'add "trusted_proxies": ["…"], or remove this key',
  },
  {
    isBroken: ({ mfa, issuer }) =>
      mfa.mode !== 'off' && !mfa.methods.includes('totp') && issuer !== undefined && !canHavePasskeys(issuer),
    path: 'mfa.methods',
    problem: 'passkeys need a domain, and the issuer is an IP address',
    expected: 'an issuer with a host name, or "totp" among the methods',
    fix: 'use a host name in the issuer (localhost works for development), or add "totp"',
  },
]

export const deploymentErrors = (draft: ConfigurationDraft): readonly Diagnostic[] => [
  ...rules.flatMap(({ isBroken, ...diagnostic }) => (isBroken(draft) ? diagnostic : [])),
  ...availabilityErrors(draft),
]

/** Warns if the store needs a master key, which the environment of the server may have, but not that of this check. */
export const masterKeyWarnings = (
  { storage }: ConfigurationDraft,
  hasMasterKey: boolean,
): readonly Diagnostic[] =>
  hasMasterKey || !storage.startsWith('postgres')
    ? []
    : [
        {
          path: 'master_key_file',
          problem:
            'PostgreSQL needs a master key, and none is configured here; the server will not start without one',
          expected:
            '"master_key_file", TESSERA_MASTER_KEY, TESSERA_MASTER_KEY_FILE, or masterKey of a module',
          fix: 'generate one with: openssl rand -base64 32',
        },
      ]

/** Warns if other machines can reach the server but its issuer is on localhost. */
export const deploymentWarnings = (
  { host, issuer: configured }: ConfigurationDraft,
  issuer: string,
): readonly Diagnostic[] =>
  configured !== undefined || isLoopback(host) || host === '::1'
    ? []
    : [
        {
          path: 'issuer',
          problem: `it defaults to ${issuer}, but with host ${host} other machines can connect`,
          expected: 'the URL that clients use, such as https://login.example',
          fix: 'add "issuer", or set TESSERA_ISSUER',
        },
      ]
