/** Checks of the configuration and the environment that the server runs with. */

import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Configuration } from '../../configuration/configuration.ts'
import type { Diagnostic } from '../../configuration/diagnostic.ts'
import { isLoopback } from '../../configuration/issuer.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'

type Environment = Readonly<Record<string, string | undefined>>

export function checkConfiguration(
  configuration: Configuration,
  {
    warnings,
    environment,
    keyServiceProblem,
  }: {
    readonly warnings: readonly Diagnostic[]
    readonly environment: Environment
    /** Why the key service of the master key can't be used. */
    readonly keyServiceProblem?: string | undefined
  },
): readonly Finding[] {
  const issuers = [configuration, ...configuration.tenantIssuers.values()]
  return [
    warnings.length === 0
      ? ok('configuration', 'valid')
      : warning(
          'configuration',
          warnings.map(({ path, problem }) => `${path}: ${problem}`).join('; '),
          'run tessera config check, which names the fix of each',
        ),
    checkDefaultSecrets(issuers),
    checkMasterKey(configuration, keyServiceProblem),
    checkStorage(configuration),
    checkDatabaseTls(configuration),
    checkTrustedProxies(configuration),
    checkPrivateNetworks(configuration),
    checkWorkers(configuration),
    checkLogLevel(environment),
    issuers.some(({ audit }) => !audit.enabled)
      ? warning('audit-log', 'it is off', 'remove "audit.enabled", or set it to true (docs/guides/audit.md)')
      : ok('audit-log', 'on'),
    configuration.metrics
      ? ok('monitoring', 'metrics are on')
      : warning(
          'monitoring',
          'metrics are off',
          'set "metrics", and alert on it (docs/endpoints/metrics.md)',
        ),
    checkMail(issuers),
    checkRegistration(issuers),
    checkGrants(issuers),
    issuers.some(({ mfa }) => mfa.mode === 'off')
      ? warning('second-factors', 'mfa.mode is "off"', 'remove it, so that users can add a second factor')
      : ok('second-factors', configuration.mfa.mode),
  ]
}

/** Secrets of examples and tutorials. The configuration contains only hashes of what clients use. */
const commonSecrets = [
  'secret',
  'changeme',
  'password',
  'client_secret',
  'admin',
  'test',
  'demo',
  'super-secret',
]

const isCommon = (id: string, hash: Uint8Array, algorithm: 'sha256' | 'sha512'): boolean =>
  [...commonSecrets, id, `secret-of-${id}`].some(secret =>
    createHash(algorithm).update(secret).digest().equals(hash),
  )

function checkDefaultSecrets(issuers: readonly Configuration[]): Finding {
  const clients = issuers.flatMap(({ clients }) =>
    [...clients.all()].filter(({ client_id, client_secrets }) =>
      client_secrets.some(
        secret => secret.kind !== 'argon2id' && isCommon(client_id, secret.hash, secret.kind),
      ),
    ),
  )
  const users = issuers.flatMap(({ users }) => users.filter(({ password }) => password?.kind === 'plain'))
  if (clients.length > 0)
    return failed(
      'default-secrets',
      `clients with a secret of an example: ${clients.map(({ client_id }) => client_id).join(', ')}`,
      'create one with: openssl rand -base64 32',
    )
  if (users.length > 0)
    return failed(
      'default-secrets',
      `users with a password in plain text: ${users.map(({ sub }) => sub).join(', ')}`,
      'add them with tessera users add, or write password_argon2id (tessera hash-secret --argon2id)',
    )
  return ok('default-secrets', 'none')
}

function checkMasterKey({ masterKey }: Configuration, problem: string | undefined): Finding {
  const fix = 'create one with openssl rand -base64 32 before the first start, and keep it apart from backups'
  if (!masterKey)
    return failed('master-key', 'not configured: the embedded store keeps one next to the database', fix)
  if (masterKey.kind === 'service') {
    const { id } = masterKey.service
    return problem === undefined
      ? ok('master-key', `key service ${id}, which wraps and unwraps`)
      : failed('master-key', problem, 'run doctor where the server runs (docs/guides/key-services.md)')
  }
  // 32 random bytes have about 30 different values; fewer than 16 are not expected in the age of the universe.
  return new Set(masterKey.bytes).size >= 16
    ? ok('master-key', `configured by ${masterKey.from}`)
    : failed('master-key', 'it is not random', fix)
}

function checkStorage({ storage, workers }: Configuration): Finding {
  if (storage.kind === 'memory')
    return failed('storage', 'memory: everything is lost at a restart', 'use sqlite: or postgres:')
  if (storage.kind === 'sqlite' && /^\/(tmp|dev\/shm|run)\//.test(storage.file))
    return failed(
      'storage',
      `${storage.file} is in a temporary folder`,
      'move it, for example to /var/lib/tessera',
    )
  return ok('storage', workers === undefined ? storage.kind : `${storage.kind}, ${workers} workers`)
}

function checkDatabaseTls({ storage }: Configuration): Finding {
  if (storage.kind !== 'postgres') return skipped('database-tls', 'the store is not PostgreSQL')
  const url = new URL(storage.url)
  const mode = url.searchParams.get('sslmode')
  if (url.hostname === '' || isLoopback(url.hostname) || url.searchParams.get('host')?.startsWith('/'))
    return ok('database-tls', 'the database is on this machine')
  const fix = 'add ?sslmode=verify-full&sslrootcert=FILE to the address (docs/guides/postgresql.md)'
  if (mode === null || mode === 'disable') return failed('database-tls', 'not encrypted', fix)
  return mode === 'verify-full' ? ok('database-tls', mode) : warning('database-tls', `sslmode=${mode}`, fix)
}

/** A range this large contains clients, who could then choose the address that limits are counted for. */
const isHuge = (range: string): boolean => {
  const [network = '', bits] = range.split('/')
  return bits !== undefined && Number(bits) < (network.includes(':') ? 32 : 8)
}

function checkTrustedProxies({ trustedProxies, issuer }: Configuration): Finding {
  const huge = trustedProxies.filter(isHuge)
  if (huge.length > 0)
    return failed(
      'trusted-proxies',
      `${huge.join(', ')} contains clients`,
      'list only the addresses of proxies',
    )
  if (trustedProxies.length === 0 && issuer.startsWith('https:'))
    return failed(
      'trusted-proxies',
      'none, although a proxy terminates TLS: limits count all users as one network',
      'list the address of the proxy in "trusted_proxies"',
    )
  return ok('trusted-proxies', trustedProxies.join(', ') || 'none')
}

function checkPrivateNetworks({ outbound }: Configuration): Finding {
  const own = outbound.allowedPrivateNetworks.filter(network => /^(127\.|::1|0\.0\.0\.0|::\/0)/.test(network))
  return own.length === 0
    ? ok('private-networks', outbound.allowedPrivateNetworks.join(', ') || 'none')
    : warning(
        'private-networks',
        `outbound.allowed_private_networks contains ${own.join(', ')}`,
        'remove it: clients could let the server call services of its own machine',
      )
}

function checkWorkers({ workers }: Configuration): Finding {
  const cores = availableParallelism()
  if (workers === undefined) return ok('workers', `one per core (${cores} here)`)
  return workers > cores
    ? warning(
        'workers',
        `${workers} on ${cores} cores of this machine`,
        'set "workers" to the number of cores or less',
      )
    : ok('workers', String(workers))
}

function checkLogLevel({ TESSERA_LOG_LEVEL: level = 'info' }: Environment): Finding {
  if (level === 'info') return ok('log-level', level)
  return warning(
    'log-level',
    level,
    level === 'debug'
      ? 'set TESSERA_LOG_LEVEL to info: debug lines are many'
      : 'set TESSERA_LOG_LEVEL to info: refusals and sign-ins are missing from the log',
  )
}

function checkMail(issuers: readonly Configuration[]): Finding {
  const stored = issuers.filter(({ accounts }) => accounts.stored)
  if (stored.length === 0) return skipped('mail', 'no stored users ("accounts")')
  return stored.every(({ mail }) => mail)
    ? ok('mail', 'configured')
    : warning(
        'mail',
        'not configured: no password reset, and no notices of changed passwords',
        'set "mail", or let users change passwords with you',
      )
}

function checkRegistration(issuers: readonly Configuration[]): Finding {
  const modes = issuers.map(({ registration }) => registration.mode)
  return modes.includes('open')
    ? warning(
        'registration',
        'anyone can register clients',
        'use "initial_access_token", unless clients must register without you, such as those of MCP',
      )
    : ok('registration', modes[0] ?? 'off')
}

function checkGrants(issuers: readonly Configuration[]): Finding {
  const found = issuers.flatMap(({ clients }) =>
    [...clients.all()].filter(
      ({ grant_types }) => grant_types.has('implicit') || grant_types.has('password'),
    ),
  )
  return found.length === 0
    ? ok('grants', 'none')
    : warning(
        'grants',
        `clients with the implicit or the password grant: ${found.map(({ client_id }) => client_id).join(', ')}`,
        'use the authorization code grant with PKCE (RFC 9700 §2.1.2, §2.4)',
      )
}
