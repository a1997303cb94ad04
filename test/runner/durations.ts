/**
 * About how long the slower files take, in seconds, by their names. The longest start first, so that no core is idle at
 * the end of a run, and batches of the others are of similar length. Only the order of a run depends on these numbers.
 */
const seconds: Readonly<Record<string, number>> = {
  'pages-account': 60,
  'pages-sign-in': 40,
  writers: 115,
  flows: 106,
  experiments: 94,
  archives: 82,
  stores: 81,
  workers: 75,
  postgres: 49,
  quick: 44,
  'postgres-plans': 43,
  'redirect-chains': 38,
  carry: 38,
  late: 33,
  'stranger-costs': 32,
  'log-sink': 30,
  fleet: 27,
  'static-checks': 25,
  'foreign-apps': 25,
  users: 24,
  ldap: 21,
  'skewed-nodes': 21,
  'two-paths': 18,
  'postgres-replica': 17,
  reload: 17,
  reasons: 14,
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
  kill: 7,
  serve: 7,
  'mcp-conformance': 7,
  'oauth-clients': 7,
  'refresh-family.property': 7,
  'races.attack': 6,
  refunds: 6,
  time: 6,
}

const ofOthers = 1.5

/** Returns about how many seconds the file with this name takes, without the ending `.test.ts`. */
export const secondsOf = (name: string): number => seconds[name] ?? ofOthers

/** A file that takes so many seconds has a process of its own: starting that costs little beside it. */
export const longFrom = 25
