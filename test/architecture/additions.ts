/**
 * The table "To add something" of docs/architecture.md: for each kind of addition, the source files that it
 * touches, by an example that exists.
 */

export type Addition = {
  /** With its article: "a grant". */
  readonly what: string
  readonly example: string
  /** Names that occur in these files and in no others. */
  readonly names: readonly string[]
  /** From `packages/server/src`, except those of the protocol package. */
  readonly files: readonly string[]
  readonly note?: string
}

export const additions: readonly Addition[] = [
  {
    what: 'a grant',
    example: '`client_credentials`',
    names: ['clientCredentials'],
    files: [
      'packages/protocol/src/grant-types.ts',
      'endpoints/token/grants/client-credentials.ts',
      'endpoints/token/grants/index.ts',
    ],
    note: 'discovery, the configuration and registration follow from these',
  },
  {
    what: 'a client authentication method',
    example: '`tls_client_auth`',
    names: ['tlsClientAuth', 'tls_client_auth'],
    files: [
      'packages/protocol/src/client-authentication.ts',
      'clients/authentication/tls-client-auth.ts',
      'clients/authentication/methods.ts',
      'configuration/rules/client.ts',
      'proof/certificate.ts',
    ],
    note: '`configuration/rules` checks what it needs of a client; `proof` binds tokens to it',
  },
  {
    what: 'a page',
    example: 'the home page',
    names: ['createHomeEndpoint', 'HomePage', "'home'"],
    files: ['pages/home/home.ts', 'pages/ui/pages.ts', 'app/page-endpoints.ts'],
    note: 'its row in `model/routes.ts` and its template `pages/ui/templates/home.eta`; new form fields have limits in `pages/flow/page-form.ts`',
  },
  {
    what: 'an account page',
    example: 'the consents that a user gave',
    names: ['createAccountConsentsEndpoint', 'accountConsents', 'account-consents'],
    files: ['pages/account/consents.ts', 'pages/ui/account-pages.ts', 'app/account-endpoints.ts'],
    note: 'and its rows in `model/routes.ts` and `pages/flow/page-paths.ts`, and its template',
  },
  {
    what: 'an endpoint',
    example: 'revocation',
    names: ['createRevocationEndpoint', '/connect/revocation', 'protocolRoutes.revocation'],
    files: [
      'endpoints/revocation/revocation.ts',
      'endpoints/discovery/metadata.ts',
      'model/routes.ts',
      'app/protocol-endpoints.ts',
    ],
  },
  {
    what: 'a stored type',
    example: '`revoked_tokens`',
    names: ['revokedTokens', 'RevokedTokens', 'revoked_tokens'],
    files: [
      'model/ports/authorizations.ts',
      'storage/tables/authorizations.ts',
      'storage/memory/authorizations.ts',
      'storage/sqlite/reads/authorizations.ts',
      'storage/sqlite/writes/authorizations.ts',
      'storage/sqlite/schema.ts',
      'storage/postgres/authorizations.ts',
      'storage/postgres/schema.ts',
      'storage/tables/personal.ts',
      'endpoints/revocation/revocation.ts',
      'tokens/verification.ts',
    ],
    note: 'the last two use it',
  },
  {
    what: 'a column',
    example: '`user_agent` of a session',
    names: ['user_agent'],
    files: [
      'model/authorization.ts',
      'storage/tables/sessions.ts',
      'storage/tables/personal.ts',
      'storage/sqlite/schema.ts',
      'storage/postgres/schema.ts',
      'pages/flow/browser-session.ts',
      'pages/account/sessions.ts',
      'cli/sessions.ts',
      'endpoints/admin/user-operations.ts',
      'endpoints/admin/user-sessions.ts',
    ],
    note: 'the last five write and show it',
  },
  {
    what: 'a key of a client',
    example: '`consent_lifetime`',
    names: ['consent_lifetime'],
    files: ['configuration/schema/client.ts', 'model/client.ts', 'pages/consent/consent.ts'],
    note: 'the last one uses it',
  },
  {
    what: 'a key of the server',
    example: '`drain_delay`',
    names: ['drain_delay', 'drainDelay'],
    files: [
      'configuration/schema/deployment.ts',
      'configuration/configuration.ts',
      'app/start-server.ts',
      'operations/workers/stop-limit.ts',
    ],
    note: 'the last two use it',
  },
]

const shortened = (file: string): string => file.replace('packages/protocol/src', 'protocol')

/** Returns the table of docs/architecture.md. */
export const additionsTable = (): string =>
  [
    '| to add | touch | example |',
    '|---|---|---|',
    ...additions.map(({ what, example, files, note }) => {
      const list = files.map(file => `\`${shortened(file)}\``).join(', ')
      return `| ${what} | ${list}${note ? `; ${note}` : ''} | ${example} |`
    }),
  ].join('\n')
