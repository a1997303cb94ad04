/** Who may import whom (design §4): this table *is* the rule. A room is a folder; what no row names is forbidden. */

export type Room = {
  /** Other rooms, or one file of one. Every room may import `protocol`. */
  readonly rooms: readonly string[]
  /** npm packages and Node's own modules. */
  readonly packages: readonly string[]
}

const web = [
  'endpoints',
  'core',
  'client-authentication',
  'client-keys',
  'proof',
  'tokens',
  'identity',
] as const
const pages = ['authorization-request', 'interaction', 'ui'] as const
const endpoint: Room = { rooms: [...web, ...pages], packages: [] }

/** What the endpoints share: how they answer. It stands above none of them. */
const answers: Room = { rooms: ['core'], packages: ['node:crypto'] }

export const rooms: Readonly<Record<string, Room>> = {
  // Pure: neither Node nor a browser.
  protocol: { rooms: [], packages: [] },
  core: { rooms: [], packages: ['node:crypto'] },

  configuration: {
    rooms: ['core'],
    packages: [
      'yaml',
      'jsonc-parser',
      'node:crypto',
      'node:fs',
      'node:fs/promises',
      'node:module',
      'node:net',
      'node:path',
      'node:url',
    ],
  },

  // Services.
  keys: { rooms: ['core'], packages: ['jose', 'node:crypto', 'node:fs', 'node:path', 'node:util'] },
  // Keys that clients registered, also those behind a `jwks_uri`.
  'client-keys': { rooms: ['core', 'outbound'], packages: ['jose'] },
  'client-authentication': {
    rooms: ['core', 'client-keys'],
    packages: ['jose', '@node-rs/argon2', 'node:crypto'],
  },
  // Clients that register themselves, and finding clients of either kind.
  registration: { rooms: ['core', 'outbound'], packages: ['jose'] },
  proof: { rooms: ['core'], packages: ['jose', 'node:crypto'] },
  tokens: { rooms: ['core', 'client-keys'], packages: ['node:crypto', 'node:os'] },
  identity: { rooms: ['core'], packages: ['@simplewebauthn/server', 'otpauth', 'node:crypto'] },
  // It checks which provider a client may send users to, and reads an `id_token_hint`.
  'authorization-request': { rooms: ['core', 'client-keys', 'outbound', 'identity', 'tokens'], packages: [] },
  // It decides which page comes next and says what stands on it.
  interaction: {
    rooms: ['core', 'authorization-request', 'identity', 'ui'],
    packages: ['cookie', 'node:crypto', 'node:zlib'],
  },
  // How sessions end and how clients are told.
  logout: { rooms: ['core', 'outbound', 'tokens'], packages: [] },
  ui: { rooms: ['core'], packages: ['eta', 'qrcode', 'node:crypto', 'node:fs', 'node:path', 'node:url'] },
  // Sign-in at other OpenID Connect providers.
  federation: {
    rooms: ['core', 'identity', 'outbound'],
    packages: ['jose', 'node:crypto', 'openid-client'],
  },
  // Passwords that an LDAP directory checks.
  directory: { rooms: ['core', 'identity'], packages: ['ldapts'] },
  // Mail to users: to a submission server, or shown while developing.
  mail: { rooms: ['core'], packages: ['nodemailer'] },
  // The one way out: whoever sends a request is given it.
  outbound: {
    rooms: [],
    packages: ['node:dns/promises', 'node:http', 'node:https', 'node:net'],
  },
  // Lines to descriptors that may be full, slow or closed.
  output: { rooms: [], packages: ['node:fs', 'node:net'] },
  operations: { rooms: ['core', 'output'], packages: ['pino', 'node:crypto', 'node:fs', 'node:perf_hooks'] },

  // Endpoints: never another endpoint, a store or http.
  endpoints: answers,
  'endpoints/account': { ...endpoint, rooms: [...endpoint.rooms, 'federation'] },
  'endpoints/authorize': endpoint,
  'endpoints/checksession': endpoint,
  'endpoints/consent': endpoint,
  'endpoints/device': endpoint,
  'endpoints/devmail': endpoint,
  'endpoints/deviceauthorization': endpoint,
  'endpoints/discovery': endpoint,
  'endpoints/federation': { rooms: [...endpoint.rooms, 'federation'], packages: ['node:crypto'] },
  'endpoints/endsession': endpoint,
  'endpoints/home': endpoint,
  'endpoints/introspection': endpoint,
  'endpoints/jwks': endpoint,
  'endpoints/login': endpoint,
  'endpoints/logout': endpoint,
  'endpoints/par': endpoint,
  'endpoints/recovery': endpoint,
  'endpoints/register': { ...endpoint, rooms: [...endpoint.rooms, 'registration'] },
  'endpoints/mfa': endpoint,
  'endpoints/revocation': endpoint,
  'endpoints/selectaccount': endpoint,
  'endpoints/signup': endpoint,
  'endpoints/token': { ...endpoint, packages: ['jose', 'node:crypto'] },
  'endpoints/userinfo': endpoint,

  'storage/memory': { rooms: ['core'], packages: [] },
  'storage/sqlite': {
    rooms: ['core'],
    packages: ['node:sqlite', 'node:fs', 'node:module', 'node:path', 'node:worker_threads'],
  },
  'storage/postgres': { rooms: ['core'], packages: ['pg', 'node:crypto', 'node:timers/promises'] },
  // Export and import.
  'storage/transfer': {
    rooms: ['core'],
    packages: ['node:crypto', 'node:fs', 'node:fs/promises', 'node:readline'],
  },

  // The edges know no OAuth.
  http: {
    rooms: ['packages/server/src/core/turn.ts'],
    packages: ['node:crypto', 'node:http', 'node:net', 'node:perf_hooks'],
  },

  // Several processes on one port: the primary loads no server.
  workers: { rooms: ['core', 'output'], packages: ['node:cluster'] },

  // Only the composition root joins them; the command line starts it.
  composition: { rooms: ['*'], packages: [] },
  'server.ts': { rooms: ['*'], packages: [] },
  cli: {
    rooms: ['server.ts', 'configuration', 'workers', 'output'],
    packages: [
      'commander',
      '@node-rs/argon2',
      'node:crypto',
      'node:fs',
      'node:http',
      'node:module',
      'node:net',
      'node:os',
      'node:readline',
      'node:stream',
      'node:stream/consumers',
      'node:timers/promises',
      'node:url',
      'node:v8',
      'node:vm',
    ],
  },
}

/** What `*` leaves out: the root starts nobody's command line. */
export const neverFromRoot: readonly string[] = ['cli', 'server.ts']

/** Files that import less than their room may. The extension grants prove the public interface: they have nothing else. */
const grants = 'packages/server/src/endpoints/token/grants'
const publicInterface = ['packages/server/src/core/extension-grant.ts', 'protocol', 'jose']
export const narrower: Readonly<Record<string, readonly string[]>> = {
  [`${grants}/token-exchange.ts`]: publicInterface,
  [`${grants}/jwt-bearer.ts`]: publicInterface,
}

/** Files that import what is not written in them: an operator's module. */
export const mayImportUnread: readonly string[] = ['packages/server/src/configuration/module.ts']

/** Folders that hold rooms rather than being one. */
const houses = ['endpoints', 'storage']

/** The room that a package's source file lies in. */
export function roomOf(file: string): string {
  const [, name = '', , ...path] = file.split('/')
  const [first = '', second = ''] = path
  if (name !== 'server') return name
  return houses.includes(first) && path.length > 2 ? `${first}/${second}` : first
}
