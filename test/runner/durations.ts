/**
 * The approximate durations of slow files, in seconds, by name. The longest start first, so that no core is idle at
 * the end of a run, and batches of the others have similar durations. Only the order of a run depends on these
 * numbers.
 */
const seconds: Readonly<Record<string, number>> = {
  stores: 100,
  experiments: 95,
  flows: 80,
  quick: 70,
  workers: 66,
  writers: 55,
  postgres: 54,
  installed: 52,
  runners: 40,
  carry: 50,
  late: 49,
  'pages-account': 48,
  'static-checks': 46,
  'postgres-plans': 45,
  archives: 41,
  'pages-sign-in': 36,
  'redirect-chains': 33,
  'log-sink': 29,
  fleet: 27,
  'foreign-apps': 25,
  'stranger-costs': 25,
  users: 24,
  client: 20,
  runtimes: 20,
  'create-tessera': 20,
  ldap: 21,
  'skewed-nodes': 15,
  'two-paths': 9,
  'postgres-replica': 17,
  reload: 17,
  reasons: 3,
  'sign-out': 13,
  'key-ring': 13,
  'postgres-connections': 12,
  'hostile-types': 12,
  sqlite: 11,
  'postgres-races': 11,
  'protocol-races.attack': 10,
  'code-and-device': 10,
  'account-pages': 9,
  passkeys: 8,
  kill: 13,
  serve: 7,
  embedding: 15,
  'mcp-conformance': 7,
  'oauth-clients': 7,
  'refresh-family.property': 7,
  'races.attack': 6,
  refunds: 6,
  time: 6,
  projects: 5,
  'directory.attack': 15,
  nodes: 8,
  'known-browsers.attack': 7,
  'limits.attack': 6,
  'logout-queue': 5,
  'waiting.attack': 4,
  'ldap-names': 4,
  'client-secrets.attack': 3,
  'guess-guards.attack': 3,
  accounts: 3,
}

const ofOthers = 0.7

/** Returns about how many seconds the file with this name takes, without the ending `.test.ts`. */
export const secondsOf = (name: string): number => seconds[name] ?? ofOthers

/**
 * A file that takes this many seconds has its own process, because the cost of starting one is then relatively small.
 */
export const longFrom = 25
