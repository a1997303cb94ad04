/** The sample applications, and what each one needs. Their files are in folders of `templates`. */

export const apps = ['express', 'spa', 'api', 'worker', 'none'] as const
export type App = (typeof apps)[number]

export type AppFacts = {
  /** The text of the option in the question. */
  readonly label: string
  /** The client of the application; undefined if there is none. */
  readonly clientId?: string
  /** Whether the client has a secret. */
  readonly hasSecret: boolean
  /** Whether users sign in. */
  readonly hasUsers: boolean
  /** Whether it listens on a port. */
  readonly listens: boolean
  /** Whether its tokens are for the sample API, `urn:items`. */
  readonly usesApi: boolean
  /** The packages that it imports, in the versions that are tested. */
  readonly dependencies: Readonly<Record<string, string>>
}

export const factsOf: Readonly<Record<App, AppFacts>> = {
  express: {
    label: 'Web application (Express)',
    clientId: 'web',
    hasSecret: true,
    hasUsers: true,
    listens: true,
    usesApi: false,
    dependencies: { express: '^5.3.0', 'express-session': '^1.19.0', 'openid-client': '^6.9.0' },
  },
  spa: {
    label: 'Single-page application',
    clientId: 'spa',
    hasSecret: false,
    hasUsers: true,
    listens: true,
    usesApi: false,
    dependencies: { express: '^5.3.0', 'oidc-client-ts': '^3.5.0' },
  },
  api: {
    label: 'API that accepts access tokens',
    clientId: 'worker',
    hasSecret: true,
    hasUsers: false,
    listens: true,
    usesApi: true,
    dependencies: { express: '^5.3.0', jose: '^6.2.18' },
  },
  worker: {
    label: 'Worker without users',
    clientId: 'worker',
    hasSecret: true,
    hasUsers: false,
    listens: false,
    usesApi: true,
    dependencies: { 'openid-client': '^6.9.0' },
  },
  none: {
    label: 'No application',
    hasSecret: false,
    hasUsers: true,
    listens: false,
    usesApi: false,
    dependencies: {},
  },
}
