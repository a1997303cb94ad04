/** The files of a new project, and the next steps for its user. */

import { readdir, readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type App, factsOf } from './apps.ts'
import type { Choices } from './arguments.ts'
import { configurationText } from './configuration.ts'
import type { Secrets } from './secrets.ts'
import type { ProjectFile } from './write.ts'

const templates = fileURLToPath(new URL('../templates/', import.meta.url))

/** SQLite does not create the folder of its file. */
const dataFolder: readonly [string, ProjectFile] = ['data/.gitignore', { content: '*\n!.gitignore\n' }]

export async function projectFiles(
  choices: Choices,
  secrets: Secrets,
): Promise<ReadonlyMap<string, ProjectFile>> {
  const files = new Map<string, ProjectFile>([
    ['package.json', { content: packageText(choices) }],
    ['tessera.jsonc', { content: configurationText(choices, secrets) }],
    ['.env', { content: environmentText(choices, secrets), secret: true }],
    ['.gitignore', { content: 'node_modules/\n.env\n' }],
    ...(choices.store === 'sqlite' ? [dataFolder] : []),
    ['README.md', { content: readmeText(choices) }],
  ])
  for (const folder of ['common', choices.app])
    for (const [path, content] of await templateFiles(folder)) files.set(path, { content })
  return files
}

/** Maps the paths of a template's files to their contents. */
async function templateFiles(name: string): Promise<ReadonlyMap<string, string>> {
  const folder = join(templates, name)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = new Map<string, string>()
  for (const entry of entries.filter(one => one.isFile())) {
    const file = join(entry.parentPath, entry.name)
    files.set(relative(folder, file), await readFile(file, 'utf8'))
  }
  return files
}

function packageText({ name, app, server, protocol }: Choices): string {
  const scripts = {
    start: 'node start.js',
    ...(app !== 'none' && { tessera: 'node start.js tessera', app: 'node start.js app' }),
    ...(app === 'api' && { request: 'node app/request.js' }),
    check: 'tessera config check tessera.jsonc',
  }
  return `${JSON.stringify(
    {
      name,
      version: '0.0.0',
      private: true,
      type: 'module',
      engines: { node: '>=22.20' },
      scripts,
      dependencies: {
        '@tessera/server': installable(server, name),
        ...(protocol !== undefined && { '@tessera/protocol': installable(protocol, name) }),
        ...factsOf[app].dependencies,
      },
    },
    null,
    2,
  )}\n`
}

/** Returns the version, or the path of the tarball relative to the project. */
const installable = (spec: string, folder: string): string =>
  spec.endsWith('.tgz') ? `file:${relative(resolve(folder), resolve(spec)).replaceAll('\\', '/')}` : spec

function environmentText({ app, store, databaseUrl, port, appPort }: Choices, secrets: Secrets): string {
  const { clientId, hasSecret, hasUsers, listens, usesApi } = factsOf[app]
  const lines: readonly (readonly [name: string, value: string | undefined])[] = [
    ['TESSERA_PORT', `${port}`],
    ['TESSERA_MASTER_KEY', secrets.masterKey],
    ['TESSERA_STORAGE', store === 'postgres' ? databaseUrl : undefined],
    ['ISSUER', `http://localhost:${port}`],
    ['CLIENT_ID', clientId],
    ['CLIENT_SECRET', hasSecret ? secrets.clientSecret : undefined],
    ['AUDIENCE', usesApi ? 'urn:items' : undefined],
    ['APP_URL', listens ? `http://localhost:${appPort}` : undefined],
    ['SESSION_SECRET', app === 'express' ? secrets.sessionSecret : undefined],
    ['FIRST_USER', hasUsers ? 'admin' : undefined],
    ['FIRST_USER_PASSWORD', hasUsers ? secrets.password : undefined],
  ]
  const known = lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}\n`]))
  return `# Secrets of this project. Keep this file out of version control.\n${known.join('')}`
}

function readmeText({ name, app, store, port, appPort }: Choices): string {
  const url = `http://localhost:${port}`
  const parts = [
    `# ${name}`,
    app === 'none' ? 'A Tessera server.' : 'A Tessera server and an application.',
    '## Start',
    '```\nnpm install\nnpm start\n```',
    steps(app, { url, app: `http://localhost:${appPort}` }),
    '## Files',
    filesTable(app),
    '## Before production',
    [
      `- Set \`issuer\` in \`tessera.jsonc\`, and \`ISSUER\` and \`APP_URL\` in the environment, to https addresses. A reverse proxy terminates TLS.`,
      '- Replace `localhost` in `redirect_uris` and similar settings with your host.',
      '- Keep the values of `.env` in a secret manager. Back up `TESSERA_MASTER_KEY`: without it, the keys in the store are unreadable.',
      store === 'sqlite'
        ? '- The store is the file `data/tessera.db`. For several nodes, use PostgreSQL.'
        : '- The store is the PostgreSQL database in `TESSERA_STORAGE`.',
      ...(factsOf[app].hasUsers ? ['- Replace the first user in `tessera.jsonc`.'] : []),
    ].join('\n'),
  ]
  return `${parts.join('\n\n')}\n`
}

function steps(app: App, urls: { readonly url: string; readonly app: string }): string {
  switch (app) {
    case 'express':
    case 'spa':
      return `Open ${urls.app} and sign in as \`admin\` with the password in \`.env\` (\`FIRST_USER_PASSWORD\`).`
    case 'api':
      return `Then run \`npm run request\` in another terminal. It requests a token and calls ${urls.app}/items.`
    case 'worker':
      return 'The worker requests a token and prints its audience, scope and expiry.'
    case 'none':
      return `Open ${urls.url}/account and sign in as \`admin\` with the password in \`.env\` (\`FIRST_USER_PASSWORD\`).`
  }
}

const filesTable = (app: App): string =>
  [
    '| file | contents |',
    '|---|---|',
    '| `tessera.jsonc` | the configuration of Tessera; `npm run check` checks it |',
    '| `.env` | secrets and addresses |',
    ...(app === 'none' ? [] : ['| `app/` | the application |']),
    '| `start.js` | starts Tessera and the application |',
  ].join('\n')

/** @param folder Relative to the working directory. */
export function nextSteps(
  { app, appPort, port }: Choices,
  { folder, installed }: { readonly folder: string; readonly installed: boolean },
): string {
  const commands = [
    ...(folder === '.' ? [] : [`cd ${folder}`]),
    ...(installed ? [] : ['npm install']),
    'npm start',
  ]
  const then = steps(app, { url: `http://localhost:${port}`, app: `http://localhost:${appPort}` })
  return `\nCreated ${folder}. Next:\n\n${commands.map(command => `  ${command}\n`).join('')}\n${then.replaceAll('`', '')}`
}
