/**
 * Which room may import which: this table *is* the rule. A room is a folder; an import that no row allows is
 * forbidden.
 */

export type Room = {
  /** Other rooms, or one file of one. Every room may import `protocol`. */
  readonly rooms: readonly string[]
  /** npm packages and Node's own modules. */
  readonly packages: readonly string[]
}

const protocolEndpoint: Room = {
  rooms: [
    'messages',
    'model',
    'runtime',
    'authorization-request',
    'clients/authentication',
    'clients/documents',
    'clients/keys',
    'proof',
    'tokens',
    'identity',
  ],
  packages: [],
}

/** Endpoints that a browser is redirected to: they read its cookies and may lead to a page. */
const browserEndpoint: Room = {
  rooms: [...protocolEndpoint.rooms, 'pages/flow', 'pages/ui'],
  packages: [],
}

const page: Room = {
  rooms: ['messages', 'model', 'runtime', 'authorization-request', 'identity', 'pages/flow', 'pages/ui'],
  packages: [],
}

const clientRooms: readonly string[] = [
  'client/http',
  'client/discovery',
  'client/authentication',
  'client/authorization',
  'client/jwt',
  'client/session',
  'client/token',
  'client/validation',
  'client/endpoints',
]

export const rooms: Readonly<Record<string, Room>> = {
  // Pure: neither Node nor a browser.
  protocol: { rooms: [], packages: [] },

  // The client library: no Node, no browser, except in the rooms named after them.
  client: { rooms: clientRooms, packages: [] },
  'client/http': { rooms: ['client', 'client/discovery', 'client/authentication'], packages: [] },
  'client/discovery': { rooms: ['client', 'client/http', 'client/jwt'], packages: [] },
  'client/authentication': { rooms: ['client/discovery', 'client/jwt'], packages: [] },
  // Signing and checking JSON Web Tokens: knows no server.
  'client/jwt': { rooms: ['client'], packages: [] },
  // ID tokens, access tokens and logout tokens.
  'client/validation': {
    rooms: ['client', 'client/http', 'client/discovery', 'client/jwt'],
    packages: [],
  },
  // Userinfo, introspection, revocation, registration.
  'client/endpoints': {
    rooms: ['client', 'client/http', 'client/discovery', 'client/jwt', 'client/validation'],
    packages: [],
  },
  // The authorization request and its response.
  'client/authorization': {
    rooms: ['client', 'client/http', 'client/discovery', 'client/jwt', 'client/token', 'client/validation'],
    packages: [],
  },
  'client/token': {
    rooms: ['client', 'client/http', 'client/discovery', 'client/jwt', 'client/validation'],
    packages: [],
  },
  // Tokens that are kept, renewed and attached to requests.
  'client/session': {
    rooms: ['client', 'client/http', 'client/discovery', 'client/jwt', 'client/token', 'client/validation'],
    packages: [],
  },
  // The guard of an API, and its adapters to frameworks, which it knows by structural types only.
  'client/api': {
    rooms: ['client', 'client/discovery', 'client/jwt', 'client/validation', 'client/endpoints'],
    packages: [],
  },
  // Web pages.
  'client/browser': {
    rooms: ['client', 'client/authorization', 'client/dpop', 'client/session'],
    packages: [],
  },
  // Keys and proofs of DPoP.
  'client/dpop': { rooms: ['client', 'client/http', 'client/jwt'], packages: [] },
  // Native applications and Node.
  'client/node': {
    rooms: ['client', 'client/authorization', 'client/session'],
    packages: [
      'node:child_process',
      'node:crypto',
      'node:events',
      'node:fs/promises',
      'node:http',
      'node:net',
      'node:os',
      'node:path',
    ],
  },
  // A separate command, which shares no code with the server.
  'create-tessera': {
    rooms: [],
    packages: [
      '@clack/prompts',
      '@node-rs/argon2',
      'node:child_process',
      'node:crypto',
      'node:fs/promises',
      'node:path',
      'node:process',
      'node:stream',
      'node:url',
      'node:util',
    ],
  },
  // Interfaces of the process, and ways to run work.
  runtime: {
    rooms: [],
    packages: [
      ...['@node-rs/argon2', '@node-rs/bcrypt', 'node:async_hooks', 'node:crypto'],
      // To start threads, and to read the operator's files.
      ...['node:module', 'node:path', 'node:worker_threads', 'node:fs'],
    ],
  },
  // Types, and the interfaces of their stores.
  model: { rooms: ['runtime'], packages: ['node:crypto'] },

  configuration: {
    rooms: ['model', 'runtime'],
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

  // Files of other servers, turned into a configuration and users.
  migration: {
    rooms: [
      ...['configuration', 'model', 'runtime'],
      'packages/server/src/identity/accounts.ts',
      'packages/server/src/identity/email-address.ts',
    ],
    packages: ['node:crypto', 'node:fs/promises', 'node:path'],
  },

  // Services.
  keys: {
    rooms: ['model', 'runtime'],
    packages: ['jose', 'node-forge', 'node:crypto', 'node:fs', 'node:path', 'node:util'],
  },
  // Keys that clients registered, including those behind a `jwks_uri`.
  'clients/keys': { rooms: ['model', 'runtime', 'outbound'], packages: ['jose'] },
  'clients/authentication': {
    rooms: ['model', 'runtime', 'clients/keys'],
    packages: ['jose', 'node:crypto'],
  },
  // Clients that publish their metadata, with the rules of registration.
  'clients/documents': {
    rooms: ['model', 'runtime', 'outbound', 'clients/registration'],
    packages: ['node:crypto'],
  },
  // Clients whose id is their sealed metadata.
  'clients/sealed': { rooms: ['model', 'runtime'], packages: ['node:crypto', 'node:zlib'] },
  // Dynamic client registration, and the lookup of configured and registered clients.
  'clients/registration': { rooms: ['model', 'runtime', 'outbound'], packages: ['jose'] },
  proof: { rooms: ['model', 'runtime'], packages: ['jose', 'node:crypto'] },
  tokens: { rooms: ['model', 'runtime', 'clients/keys'], packages: ['node:crypto', 'node:os'] },
  identity: {
    rooms: ['model', 'runtime'],
    packages: ['@simplewebauthn/server', 'otpauth', 'node:crypto', 'node:url', 'node:worker_threads'],
  },
  // Sign-in at other OpenID Connect providers.
  'identity/federation': {
    rooms: ['model', 'runtime', 'identity', 'outbound'],
    packages: ['jose', 'node:crypto', 'openid-client'],
  },
  // Passwords that an LDAP directory checks.
  'identity/directory': {
    rooms: ['model', 'runtime', 'identity', 'outbound'],
    packages: ['ldapts', 'node:net', 'node:tls'],
  },
  // It checks which provider a client may send users to, and reads an `id_token_hint`.
  'authorization-request': {
    rooms: ['model', 'runtime', 'clients/keys', 'outbound', 'identity', 'tokens'],
    packages: [],
  },
  // How sessions end and how clients are notified.
  sessions: { rooms: ['model', 'runtime', 'outbound', 'tokens'], packages: [] },
  // All requests to addresses that come from others.
  outbound: {
    rooms: [],
    packages: ['node:dns/promises', 'node:http', 'node:https', 'node:net'],
  },

  // How endpoints read requests and write responses.
  messages: { rooms: ['model', 'runtime'], packages: ['node:crypto'] },

  // Endpoints for programs: none imports another one, a store or http.
  // It checks requests with the schemas of the configuration.
  'endpoints/admin': {
    rooms: [...protocolEndpoint.rooms, 'configuration', 'administration'],
    packages: ['node:crypto'],
  },
  'endpoints/authorize': browserEndpoint,
  'endpoints/checksession': browserEndpoint,
  'endpoints/deviceauthorization': browserEndpoint,
  'endpoints/discovery': protocolEndpoint,
  'endpoints/introspection': protocolEndpoint,
  'endpoints/jwks': protocolEndpoint,
  'endpoints/par': protocolEndpoint,
  'endpoints/register': { ...protocolEndpoint, rooms: [...protocolEndpoint.rooms, 'clients/registration'] },
  'endpoints/revocation': protocolEndpoint,
  'endpoints/token': { ...protocolEndpoint, packages: ['jose', 'node:crypto'] },
  'endpoints/userinfo': protocolEndpoint,

  // Pages for users. Their appearance:
  'pages/ui': {
    rooms: ['messages', 'model', 'runtime'],
    packages: ['eta', 'qrcode', 'node:crypto', 'node:fs', 'node:path', 'node:url'],
  },
  // Which page comes next, and the state that the browser carries between them.
  'pages/flow': {
    rooms: ['messages', 'model', 'runtime', 'authorization-request', 'identity', 'pages/ui'],
    packages: ['cookie', 'node:crypto', 'node:zlib'],
  },
  'pages/account': { ...page, rooms: [...page.rooms, 'identity/federation'] },
  'pages/consent': page,
  'pages/device': { ...page, rooms: [...page.rooms, 'tokens'] },
  'pages/devmail': page,
  'pages/federation': {
    rooms: [...page.rooms, 'messages', 'identity/federation'],
    packages: ['node:crypto'],
  },
  'pages/home': page,
  'pages/login': page,
  'pages/logout': { ...page, rooms: [...page.rooms, 'tokens'] },
  'pages/mfa': page,
  'pages/recovery': page,
  'pages/selectaccount': page,
  'pages/signup': page,

  // Shared by the stores: their tables, and what export and import read of them.
  'storage/tables': { rooms: ['model', 'runtime'], packages: [] },
  'storage/memory': { rooms: ['model', 'runtime', 'storage/tables'], packages: [] },
  'storage/sqlite': {
    rooms: ['model', 'runtime', 'storage/tables'],
    packages: ['node:sqlite', 'node:fs', 'node:module', 'node:path', 'node:worker_threads'],
  },
  'storage/postgres': {
    rooms: ['model', 'runtime', 'storage/tables'],
    packages: ['pg', 'node:crypto', 'node:fs', 'node:os', 'node:path', 'node:timers/promises'],
  },
  // Export and import.
  'storage/transfer': {
    rooms: ['runtime', 'storage/tables'],
    packages: ['node:crypto', 'node:fs', 'node:fs/promises'],
  },

  // Running the server.
  operations: {
    rooms: ['model', 'runtime', 'operations/output'],
    packages: ['pino', 'node:crypto', 'node:fs', 'node:perf_hooks'],
  },
  // Traces by the API of OpenTelemetry; the operator brings the SDK.
  'operations/tracing': { rooms: ['model', 'runtime'], packages: ['@opentelemetry/api'] },
  'operations/metrics': {
    rooms: ['model', 'runtime'],
    packages: ['node:crypto', 'node:fs', 'node:perf_hooks'],
  },
  // Mail to users: through a submission server, or shown during development.
  'operations/mail': { rooms: ['model', 'runtime', 'outbound'], packages: ['nodemailer', 'node:net'] },
  // Events: callbacks, and webhooks with their queue.
  'operations/events': { rooms: ['model', 'runtime', 'outbound'], packages: ['node:crypto'] },
  // The audit log: its records, their order and their verification.
  'operations/audit': { rooms: ['model', 'runtime'], packages: ['node:crypto'] },
  // Reads the log for `tessera explain`.
  'operations/explain': {
    rooms: [
      'model',
      'packages/server/src/operations/secret-fields.ts',
      'packages/server/src/operations/output/escaped-text.ts',
    ],
    packages: ['node:fs', 'node:fs/promises', 'node:stream', 'node:zlib'],
  },
  // Lines to descriptors that may be full, slow or closed.
  'operations/output': { rooms: [], packages: ['node:fs', 'node:net'] },
  // Several processes on one port: the primary loads no server.
  'operations/workers': { rooms: ['runtime', 'operations/output'], packages: ['node:cluster'] },

  // Entries of the configuration that are made while the server runs.
  administration: { rooms: ['model', 'runtime', 'configuration'], packages: ['node:crypto'] },

  // The edges know no OAuth.
  http: {
    rooms: [
      'packages/server/src/runtime/async/batch-per-tick.ts',
      'packages/server/src/runtime/async/promises.ts',
    ],
    packages: ['node:crypto', 'node:http', 'node:net', 'node:perf_hooks'],
  },

  // Only `app` joins the rooms; the command line starts it.
  app: { rooms: ['*'], packages: [] },
  'server.ts': { rooms: ['*'], packages: [] },
  // The identity provider for tests of other projects: no other room may import it.
  testing: {
    rooms: ['*'],
    packages: ['cookie', 'node:crypto', 'node:http', 'node:net', 'node:timers/promises'],
  },
  'testing.ts': { rooms: ['testing'], packages: [] },
  cli: {
    rooms: [
      'packages/server/src/model/store-state.ts',
      'packages/server/src/runtime/async/promises.ts',
      'server.ts',
      'packages/server/src/app/administration.ts',
      'packages/server/src/app/archives.ts',
      'packages/server/src/app/store-commands.ts',
      'packages/server/src/app/stored-entries-check.ts',
      'packages/server/src/app/audit-reading.ts',
      'packages/server/src/runtime/async/origin.ts',
      'packages/server/src/runtime/async/lines.ts',
      'packages/server/src/runtime/private-file.ts',
      'packages/server/src/app/user-import.ts',
      'packages/server/src/app/key-files.ts',
      'packages/server/src/app/master-key-rotation.ts',
      'packages/server/src/model/membership.ts',
      'packages/server/src/model/user-claims.ts',
      'configuration',
      'migration',
      'operations/explain',
      'operations/workers',
      'operations/output',
    ],
    packages: [
      'commander',
      '@node-rs/argon2',
      'node:crypto',
      'node:fs',
      'node:fs/promises',
      'node:http',
      'node:https',
      'node:module',
      'node:net',
      'node:os',
      'node:path',
      'node:readline',
      'node:stream',
      'node:stream/consumers',
      'node:timers/promises',
      'node:tls',
      'node:url',
    ],
  },
}

/** Rooms that `*` excludes: the root starts no command line, and no server contains the one for tests. */
export const neverFromRoot: readonly string[] = ['cli', 'server.ts', 'testing', 'testing.ts']

/** Files that import less than their room may. The extension grants prove that the public interface suffices. */
const grants = 'packages/server/src/endpoints/token/grants'
const publicInterface = ['packages/server/src/model/extension-grant.ts', 'protocol', 'jose']
export const narrower: Readonly<Record<string, readonly string[]>> = {
  [`${grants}/token-exchange.ts`]: publicInterface,
  [`${grants}/jwt-bearer.ts`]: publicInterface,
}

/** Files with dynamic imports: an operator's module. */
export const mayImportUnread: readonly string[] = ['packages/server/src/configuration/module.ts']

/** Folders whose subfolders are separate rooms. */
const parents = ['clients', 'endpoints', 'identity', 'operations', 'pages', 'storage']

/** The room of a package's source file. */
export function roomOf(file: string): string {
  const [, name = '', , ...path] = file.split('/')
  const [first = '', second = ''] = path
  if (name === 'client' && path.length > 1) return `client/${first}`
  if (name !== 'server') return name
  return parents.includes(first) && path.length > 2 ? `${first}/${second}` : first
}
