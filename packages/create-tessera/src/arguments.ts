/** Reads the arguments of `create-tessera`. The user is asked for missing ones. */

import { parseArgs } from 'node:util'
import { type App, apps } from './apps.ts'

const stores = ['sqlite', 'postgres'] as const
export type Store = (typeof stores)[number]

export type Choices = {
  /** The folder, and the name of the package in it. */
  readonly name: string
  readonly app: App
  readonly store: Store
  /** For `postgres`: the address of the database. */
  readonly databaseUrl?: string
  readonly port: number
  readonly appPort: number
  /** Whether to run `npm install`. */
  readonly install: boolean
  /** The version of `@tessera/server`, or a path from the working directory to its tarball. */
  readonly server: string
  /** The same for `@tessera/protocol`, which the server depends on. */
  readonly protocol?: string
}

/** `yes`: no questions are asked, and missing choices get defaults. */
export type GivenChoices = Partial<Choices> &
  Pick<Choices, 'port' | 'appPort' | 'server'> & { readonly yes: boolean }

type ReadArguments =
  | { readonly kind: 'choices'; readonly choices: GivenChoices }
  | { readonly kind: 'help' }
  | { readonly kind: 'error'; readonly error: string }

export const usage = `Usage: create-tessera [NAME] [options]

  NAME                  the folder of the new project
  --app NAME            the sample application: ${apps.join(', ')}
  --store NAME          ${stores.join(' or ')}
  --database-url URL    the address of the PostgreSQL database
  --port N              the port of Tessera (5080)
  --app-port N          the port of the application (3000)
  --server SPEC         the version or the tarball of @tessera/server (latest)
  --protocol SPEC       the same for @tessera/protocol, which the server depends on
  --install, --no-install
  --yes                 asks no questions and uses defaults
  --help`

export function readArguments(argv: readonly string[]): ReadArguments {
  const fail = (text: string): ReadArguments => ({ kind: 'error', error: text })
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(argv)
  } catch (error) {
    return fail((error as Error).message)
  }
  const { values, positionals } = parsed
  if (values.help) return { kind: 'help' }
  const [name, ...others] = positionals
  if (others.length > 0) return fail(`expected one name, but got ${positionals.join(' ')}`)
  const nameError = name === undefined ? undefined : checkName(name)
  if (nameError !== undefined) return fail(nameError)
  const app = values.app === undefined ? undefined : apps.find(known => known === values.app)
  if (values.app !== undefined && !app) return fail(`--app must be one of ${apps.join(', ')}`)
  const store = values.store === undefined ? undefined : stores.find(known => known === values.store)
  if (values.store !== undefined && !store) return fail(`--store must be one of ${stores.join(', ')}`)
  const databaseUrl = values['database-url']
  const urlError = databaseUrl === undefined ? undefined : checkDatabaseUrl(databaseUrl)
  if (urlError !== undefined) return fail(`--database-url: ${urlError}`)
  const port = portOf(values.port)
  const appPort = portOf(values['app-port'])
  if (port === undefined || appPort === undefined) return fail('a port must be a number from 1 to 65535')
  if (port === appPort) return fail('--port and --app-port must be different')
  return {
    kind: 'choices',
    choices: {
      name,
      app,
      store,
      databaseUrl,
      port,
      appPort,
      install: values.install,
      server: values.server,
      protocol: values.protocol,
      yes: values.yes,
    },
  }
}

const parse = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    allowPositionals: true,
    allowNegative: true,
    options: {
      app: { type: 'string' },
      store: { type: 'string' },
      'database-url': { type: 'string' },
      port: { type: 'string', default: '5080' },
      'app-port': { type: 'string', default: '3000' },
      server: { type: 'string', default: 'latest' },
      protocol: { type: 'string' },
      install: { type: 'boolean' },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

/** Returns an error if the name can't be the name of a folder and of an npm package; undefined otherwise. */
export const checkName = (name: string): string | undefined =>
  /^[a-z0-9][a-z0-9._-]{0,99}$/.test(name)
    ? undefined
    : 'the name can contain lowercase letters, digits, dots, hyphens and underscores, and must begin with a letter or digit'

export const checkDatabaseUrl = (url: string): string | undefined =>
  /^postgres(ql)?:$/.test(URL.parse(url)?.protocol ?? '')
    ? undefined
    : 'expected an address such as postgres://user:password@host:5432/database'
