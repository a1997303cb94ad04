/**
 * The approximate durations of slow files, in seconds, by name, or by folder and name. The longest start first, so that
 * no core is idle at the end of a run, and batches of the others have similar durations. Otherwise they only decide
 * which files `npm run test:fast` leaves out.
 */
const seconds: Readonly<Record<string, number>> = {
  stores: 65,
  experiments: 80,
  flows: 80,
  quick: 50,
  workers: 66,
  writers: 55,
  postgres: 54,
  installed: 42,
  runners: 30,
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
  'stranger-costs': 15,
  users: 24,
  client: 20,
  runtimes: 20,
  'skewed-nodes': 15,
  'two-paths': 9,
  'postgres-replica': 17,
  'sign-out': 13,
  'key-ring': 13,
  'postgres-connections': 12,
  'hostile-types': 12,
  sqlite: 11,
  'postgres-races': 11,
  'protocol-races.attack': 10,
  'code-and-device': 10,
  'account-pages': 9,
  serve: 7,
  embedding: 15,
  'mcp-conformance': 7,
  'password-hashes': 20,
  'client-sign-in': 19,
  'imported-passwords': 18,
  ending: 8,
  'client/types': 8,
  'client-sessions': 7,
  'conformance-rp-command': 6,
  'oauth-clients': 7,
  'races.attack': 6,
  refunds: 6,
  time: 6,
  projects: 5,
  'packages/create-tessera': 15,
  'browser/create-tessera': 15,
  'cli/reload': 17,
  'browser/passkeys': 8,
  'interop/kill': 13,
  'interop/nodes': 8,
  'browser/accounts': 4,
  'known-browsers.attack': 9,
  ldap: 7,
  'operations/nodes': 6,
  'limits.attack': 5,
  'logout-queue': 4,
  'guess-guards.attack': 4,
  'client-secrets.attack': 4,
  'waiting.attack': 4,
  'accounts/accounts': 4,
  'mfa.attack': 3.5,
  'accounts.attack': 3,
  'session.property': 3,
  'token-claims.property': 2,
  'directory.attack': 2.5,
  'overtaken-sign-ins.attack': 2.5,
  'waiting-codes.attack': 2.4,
  'self-registered.attack': 2.4,
  'tenants.attack': 2.4,
  'input.attack': 2.3,
  'refresh-family.property': 2,
  'redeemed-codes.attack': 2,
  'guesses.attack': 2,
  'claim-rules.property': 1.8,
  federation: 1.6,
  'forms.attack': 1.6,
  'testing/start': 1.5,
  'verified-jwts': 1.5,
  'authorize/authorize': 1.4,
  consent: 1.3,
}

const ofOthers = 0.5

/** Returns about how many seconds the test file at this path takes. */
export function secondsOf(file: string): number {
  const [name = '', folder] = file
    .replace(/\.test\.ts$/, '')
    .split('/')
    .reverse()
  return seconds[`${folder}/${name}`] ?? seconds[name] ?? ofOthers
}

/**
 * A file that takes this many seconds has its own process, because the cost of starting one is then relatively small.
 */
export const longFrom = 25

/** `npm run test:fast` leaves out files that take this many seconds; most of them use up a limit. */
export const slowFrom = 2
