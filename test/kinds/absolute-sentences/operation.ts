/** Names the tests that hold the absolute sentences about running, keys, tenants and directories. */

import { held, none, type Rows } from './rows.ts'

export const operation: Readonly<Record<string, Rows>> = {
  'SECURITY.md': {
    '**Run NTP on every node.**': none('advice'),
  },
  'docs/guides/backup.md': {
    'Without the master key, none of them': held(
      'keys/key-ring.test.ts',
      'keys: a wrong master key or a sealed value under another name fails with an error',
      'token/refresh.attack.test.ts',
      'attack: a refresh token made under another master key is garbage',
    ),
    'This copies `tessera.db` and the': held(
      'cli/carry.test.ts',
      'cli: an export made beside a running server, and imported elsewhere, keeps refresh tokens and',
      'cli/carry.test.ts',
      'cli: a backup of a running server restores as in the guide: families refreshed since then are revoked, others continue',
    ),
    'Copies have mode 0600, and an existing file is never': held(
      'cli/carry.test.ts',
      'cli: a backup of a running server restores as in the guide: families refreshed since then are revoked, others continue',
    ),
    '**Stop every server**, restore, and start one server': none('advice'),
    'The errors stop when every such client': none('explains'),
    'A client that never returns leaves': none('names a limit of the promise'),
    'Export, import and moving work with every store.': held(
      'cli/carry.test.ts',
      'cli: a store moves from SQLite into PostgreSQL, and no refresh token is lost',
      'contracts/archives.test.ts',
      'a store moves straight into another',
    ),
  },
  'docs/guides/command-line.md': {
    'reports every error in a configuration': held(
      'cli/commands.test.ts',
      'cli: config check reports every error on standard error and exits 1',
    ),
    'migrates the store of every issuer': held(
      'cli/carry.test.ts',
      'cli: migrate brings every store to this version, and fails where one is ahead',
    ),
    '`--now` is for a leaked key:': held(
      'keys/key-ring.test.ts',
      'keys: an urgent rotation signs after two minutes, before and instead of an announced key, and',
    ),
    'An issuer that nobody configured uses': held(
      'cli/serve.test.ts',
      'serve: with --port 0 an issuer that nobody configured follows the real port',
    ),
    'Use SHA-256 for random secrets': none('explains'),
  },
  'docs/guides/federation.md': {
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
    '`prompt=none` is answered by this server': held(
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
      'configuration: only a user of another provider has a sub that begins with fed_',
    ),
    '`"linking": "verified_email"` (default: `none`) links': held(
      'accounts/names.attack.test.ts',
      'names: an address that a configured and a stored user both have, or that is verified for',
    ),
    'Claims that this server sets': held(
      'configuration/providers.test.ts',
      'configuration: no provider can map a claim that this server says itself',
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
      'configuration: only a user of another provider has a sub that begins with fed_',
    ),
  },
  'docs/guides/keys.md': {
    'ES256 (access tokens) and RS256 (ID tokens) are always': held(
      'keys/key-ring.test.ts',
      'keys: the first start makes a key for each algorithm, and it signs at once',
    ),
    'Keys are stored in the database, sealed with the master key, and shared by every': held(
      'keys/key-ring.test.ts',
      'keys: four that start at once on one store end with the same keys',
    ),
    'Every process on the store learns': held(
      'keys/key-ring.test.ts',
      'keys: what one process adds, another publishes as soon as it has looked',
      'operations/nodes.test.ts',
      'nodes: keys rotated at one are published by the other',
    ),
    'HTTP caches may keep the JWK Set for': held(
      'keys/key-ring.test.ts',
      'keys: no set that a cache may still keep lacks a key that signs, urgent or not',
    ),
    'A newer key always replaces older ones,': held(
      'keys/key-ring.test.ts',
      'keys: an urgent rotation signs after two minutes, before and instead of an announced key, and',
    ),
    "While the store can't be reached, servers continue": held(
      'keys/key-ring.test.ts',
      'keys: while the store is away the ring goes on with what it has',
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
    'The server connects to the `url`': none('definition'),
    'Claims that this server sets': held(
      'configuration/providers.test.ts',
      'configuration: no provider can map a claim that this server says itself',
    ),
  },
  'docs/guides/operating.md': {
    'Emails and logout tokens are sent for': held(
      'accounts/mail.test.ts',
      'mail: closing does not wait for an unresponsive submission server, and leaves the rest in the store',
      'sessions/logout-queue.test.ts',
      'logout tokens: closing waits for those in progress, and not for all that are due',
    ),
    'A machine that was suspended kills no worker,': held(
      'cli/supervision.test.ts',
      'supervision: a machine that was suspended kills no worker',
    ),
    "If a worker can't start when": held(
      'cli/workers.test.ts',
      'workers: what stops one from starting stops all, is told once and answered with exit code 1',
    ),
    'While the file is invalid, or has another': held(
      'cli/reload.test.ts',
      'reload: a worker that is replaced joins no other store than the others, whatever the file says',
    ),
    'Current requests are finished, for at most': held(
      'cli/workers.test.ts',
      'workers: what is to end says so first, and takes connections for a while',
      'cli/workers.test.ts',
      'workers: … ends them all with exit code 0, and a request under way is answered',
      'http/http-malformed.test.ts',
      'http: closing waits at most for its time limit',
    ),
    "It returns 503 while the store can't": held(
      'operations/health.test.ts',
      'health: while the store … the server is alive, but not ready',
      'kinds/skewed-nodes.test.ts',
      'time: a node is unready beyond the tolerated skew, says why, and is ready again by itself',
    ),
    'The log has one `store_unavailable` line at once': held(
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
    'customers that must not meet: separate keys': none('advice'),
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
      'tenants: where x-forwarded-host may choose the issuer, caches are told by every response',
    ),
    'A name has at most 63': held(
      'configuration/tenants.test.ts',
      'tenants: a name that stands in an address and a file’s name holds small letters, digits and',
    ),
    'A tenant that nobody uses for': held(
      'tenants/tenants.test.ts',
      'tenants: an issuer without requests for an hour is evicted, and returns as it was',
    ),
  },
}
