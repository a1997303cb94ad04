/** Names the tests that verify the absolute sentences about running, keys, tenants and directories. */

import { held, none, type Rows } from './rows.ts'

export const operation: Readonly<Record<string, Rows>> = {
  'docs/guides/migrating.md': {
    'Every member of the files is in the report': held(
      'migration/every-member.test.ts',
      'migration: …: a member that is added to … appears in the report',
    ),
  },
  'SECURITY.md': {
    '**Run NTP on every node.**': none('advice'),
  },
  'docs/guides/backup.md': {
    'Without the master key, none of them': held(
      'keys/key-ring.test.ts',
      'keys: a wrong master key causes an error',
      'token/refresh.attack.test.ts',
      'attack: a refresh token made with another master key is refused',
    ),
    'This copies `tessera.db` and the': held(
      'cli/carry.test.ts',
      'cli: an export while a server runs, imported elsewhere, keeps refresh tokens and recognizes used ones',
      'cli/carry.test.ts',
      'cli: a backup of a running server restores as in the guide: families refreshed since then are revoked, others continue',
    ),
    'Copies have mode 0600, and an existing file is never': held(
      'cli/carry.test.ts',
      'cli: a backup of a running server restores as in the guide: families refreshed since then are revoked, others continue',
    ),
    'If the [master key is rotated](keys.md#replacing-the-master-key)': held(
      'keys/rotation-of-a-server.test.ts',
      'master key rotation: an export that it overtakes fails, and its file is refused',
    ),
    '**Stop every server**, restore, and start one server': none('advice'),
    'The errors stop when every such client': none('explains'),
    'A client that never returns leaves': none('names a limit of the promise'),
    'Export, import and moving work with every store.': held(
      'cli/carry.test.ts',
      'cli: a store is transferred from SQLite to PostgreSQL, and no refresh token is lost',
      'contracts/archives.test.ts',
      'a store can be moved directly into another',
    ),
  },
  'docs/guides/command-line.md': {
    'reports every error in a configuration': held(
      'cli/commands.test.ts',
      'cli: config check reports every error on standard error and exits 1',
    ),
    'migrates the store of every issuer': held(
      'cli/carry.test.ts',
      'cli: migrate updates every store to this version, and fails if one is newer',
    ),
    '`--now` is for a leaked key:': held(
      'keys/key-ring.test.ts',
      'keys: an urgent rotation signs after two minutes, before and instead of an announced key, and can be repeated',
    ),
    'Use SHA-256 for random secrets': none('explains'),
  },
  'docs/guides/federation.md': {
    "both remain in use for up to a day while they can't be fetched.": held(
      'federation/federation.test.ts',
      'federation: while the keys of a provider can’t be fetched, earlier ones are used for a day',
    ),
    'Each provider has a different redirect URI,': held(
      'federation/federation.attack.test.ts',
      'federation attack: a response from another provider is refused',
    ),
    'Exactly one sign-in option remains': held(
      'federation/federation.test.ts',
      'federation: a single remaining sign-in option is used without a page',
    ),
    'A provider that sends no `auth_time`': held(
      'federation/federation.test.ts',
      'federation: max_age is passed on and enforced: an older sign-in, or one of unknown age, is not accepted',
    ),
    '`prompt=none` is handled by this server': held(
      'federation/federation.test.ts',
      'federation: single sign-on continues without the provider, and prompt=none never redirects there',
    ),
    'With the password grant, `idp:NAME` of': held(
      'federation/federation.test.ts',
      'federation: idp:NAME of an OpenID provider is invalid_request at the password grant',
    ),
    'The `sub` is therefore stable and differs': held(
      'federation/federation.test.ts',
      'federation: the sub is the same at every sign-in, differs by user, provider and issuer, and is never the upstream one',
      'configuration/rules.test.ts',
      'configuration: only a federated user has a sub that begins with fed_',
    ),
    '`"linking": "verified_email"` (default: `none`) links': held(
      'accounts/names.attack.test.ts',
      'names: an address that a configured and a stored user share, or that is verified for neither, is not linked',
    ),
    'Claims that this server sets': held(
      'configuration/providers.test.ts',
      'configuration: no provider can map a claim that this server sets itself',
      'federation/federation.test.ts',
      'federation: claims are mapped, read from userinfo if configured, and never replace this server’s own',
    ),
    '`state` can be used once, and': held(
      'federation/federation.attack.test.ts',
      'federation attack: a state works once, even for fifty concurrent requests',
      'federation/federation.attack.test.ts',
      'federation attack: another browser can neither use nor consume a state',
    ),
    'It is never a `client_id` or the `sub` of a local': held(
      'configuration/rules.test.ts',
      'configuration: only a federated user has a sub that begins with fed_',
    ),
  },
  'docs/guides/keys.md': {
    "A client that registered one of them, or whose key has it as `alg`, can't use": held(
      'keys/signature-algorithms.test.ts',
      'algorithms: a client that registered EdDSA or Ed25519, or a key with it, can not use the other [RFC 9864 §2.2]',
    ),
    'Keys are stored in the database, sealed with the master key, and shared by every': held(
      'keys/key-ring.test.ts',
      'keys: four concurrent starts on one store end with the same keys',
    ),
    'Every process on the store learns': held(
      'keys/key-ring.test.ts',
      'keys: a key that one process adds is published by another after its next check',
      'operations/nodes.test.ts',
      'nodes: keys rotated at one are published by the other',
    ),
    'HTTP caches may keep the JWK Set for': held(
      'keys/key-ring.test.ts',
      'keys: no JWK Set that may still be cached lacks a signing key, urgent or not',
    ),
    'A newer key always replaces older ones,': held(
      'keys/key-ring.test.ts',
      'keys: an urgent rotation signs after two minutes, before and instead of an announced key, and can be repeated',
    ),
    "While the store can't be reached, servers continue": held(
      'keys/key-ring.test.ts',
      'keys: while the store is unreachable the ring continues with its keys',
    ),
    'A running node reads the store every 30 seconds,': held(
      'keys/rotation-of-a-server.test.ts',
      'master key rotation: nobody is signed out, and no refresh token, form or page in progress fails',
    ),
    "One that can't open the newest root key": held(
      'keys/master-key-rotation.test.ts',
      'master key rotation: a node that can’t open the newest root key is not ready',
    ),
    'Each is printed, and logged as `secret_not_resealed`,': held(
      'keys/unopened-values-rotation.test.ts',
      'master key rotation: damaged values are named and left, everything else is sealed again, and the earlier root key retires',
    ),
    'The log contains `key_added` and `key_removed`': held(
      'keys/key-ring.test.ts',
      'keys: every key that is added or removed is logged with its kid',
    ),
    'It is never stored in the database.': held(
      'operations/at-rest.attack.test.ts',
      'at rest: the database contains no plaintext credential, password, factor or key, and no master key',
    ),
    'Once a store has been used with a key,': held(
      'keys/master-key.test.ts',
      'master key: a lost key is not replaced',
    ),
    'Every refresh token, code and session ends,': none('names a limit of the promise'),
  },
  'docs/guides/ldap.md': {
    'it never continues unencrypted.': held(
      'federation/ldap.test.ts',
      'ldap: a directory without TLS or with a wrong certificate receives no password',
    ),
    'Exactly one entry must match.': held(
      'federation/ldap.test.ts',
      'ldap: unknown, wrong, locked, expired and ambiguous get the same response, and unknown names also bind',
    ),
    'If none or several match,': held(
      'federation/ldap.test.ts',
      'ldap: unknown, wrong, locked, expired and ambiguous get the same response, and unknown names also bind',
    ),
    'Claims that this server sets': held(
      'configuration/providers.test.ts',
      'configuration: no provider can map a claim that this server sets itself',
    ),
  },
  'docs/guides/operating.md': {
    'Emails, logout tokens and webhooks are then sent for': held(
      'operations/stopping.test.ts',
      'stopping: receivers that do not respond delay it by 5 s together, and log nothing afterwards',
      'accounts/mail.test.ts',
      'mail: closing claims no more after a second, and waits until what was sent is recorded',
      'sessions/logout-queue.test.ts',
      'logout tokens: closing waits for those in progress, and not for all that are due',
    ),
    'A machine that was suspended kills no worker,': held(
      'cli/supervision.test.ts',
      'supervision: a suspended machine kills no worker',
    ),
    "If a worker can't start when": held(
      'cli/workers.test.ts',
      'workers: if one worker can’t start, all stop, and the error is logged once with exit code 1',
    ),
    'While the file is invalid, or has another': held(
      'cli/reload.test.ts',
      'reload: a replaced worker uses the same store as the others, whatever the file says by then',
    ),
    'Current requests are finished, for at most': held(
      'cli/workers.test.ts',
      'workers: a server that is stopped reports so first, and accepts connections for a while',
      'cli/workers.test.ts',
      'workers: a hung worker is killed and replaced, the others serve in the meantime, and SIGINT ends them all with exit code 0',
      'http/http-malformed.test.ts',
      'http: closing waits at most for its time limit',
    ),
    "It returns 503 while the store can't": held(
      'operations/health.test.ts',
      'health: while the store … the server is alive, but not ready',
      'kinds/skewed-nodes.test.ts',
      'time: a node is unready beyond the accepted skew, logs why, and recovers automatically',
    ),
    'The log contains one `store_unavailable` line': held(
      'operations/health.test.ts',
      'health: an unreachable store is logged in one line that counts the requests, without a stack',
    ),
    'After an upgrade that changes the schema, restart': held(
      'contracts/sqlite.test.ts',
      'sqlite: a store … acknowledges no writes, is not ready and reports why',
    ),
    'The server never waits for its log.': held(
      'cli/log-sink.test.ts',
      'log: on a full disk, lines are dropped, memory stays limited and the process exits',
      'cli/log-sink.test.ts',
      'log: the process exits in time even if nobody reads its …',
    ),
    'Persistent state is in the store, and every decision': held(
      'operations/races.attack.test.ts',
      'race: a thousand redemptions of a code at … yield tokens once, and those are revoked',
    ),
  },
  'docs/guides/tenants.md': {
    'A tenant that shares the issuer ends': held(
      'tenants/removed-tenants.test.ts',
      'removed tenants: a tenant that ',
    ),
    '`identity_resources`, `api_scopes`, `api_resources` (a list replaces the whole': none('definition'),
    'Tenants by host are also separated': none('others’ behaviour'),
    '`/healthz`, `/readyz` and `/metrics` answer under every': held(
      'tenants/tenants.test.ts',
      'tenants: health checks and metrics respond under every host',
    ),
    'A host is compared exactly, with its port': held(
      'tenants/tenants.test.ts',
      'tenants: the host may include its scheme’s default port and use capitals',
      'tenants/tenants.test.ts',
      'tenants: an unknown tenant name is 404, and an unknown host is 421',
    ),
    "Some proxies can't do that and send the": none('others’ behaviour'),
    'It is off by default because many proxies': none('others’ behaviour'),
    'Before you turn it on, make sure': none('advice'),
    'With this setting, every response has': held(
      'tenants/tenants.attack.test.ts',
      'tenants: if x-forwarded-host may select the issuer, every response has Vary for it',
    ),
    'A name has at most 63': held(
      'configuration/tenants.test.ts',
      'tenants: a name for addresses and file names has lower-case letters, digits and hyphens',
    ),
    'A tenant that nobody uses for': held(
      'tenants/tenants.test.ts',
      'tenants: an issuer without requests for an hour is evicted, and returns as it was',
    ),
  },
}
