/** The files that the sessions of a page read, in a folder of their own. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { captureWords } from '../../support/commands.ts'
import { readText } from '../../support/repository.ts'

const web = {
  client_id: 'web',
  client_name: 'Web',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['https://app.example/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid offline_access',
}

const app = { ...web, client_id: 'app', client_name: 'App' }

const base = {
  issuer: 'https://login.example',
  accounts: {},
  clients: [web],
  api_scopes: [{ name: 'orders' }],
}

/** Pages whose sessions need another configuration. */
const configurations: Readonly<Record<string, object>> = {
  'docs/guides/audit.md': { ...base, audit: {} },
  'docs/guides/configuration.md': {
    ...base,
    clients: [web, app],
    users: [{ sub: '7f0c', username: 'alice' }],
  },
  'docs/guides/sessions.md': { ...base, clients: [] },
}

/** Commands that ran before the sessions of a page, each with its standard input. */
const earlier: Readonly<Record<string, readonly (readonly [command: string, input?: string])[]>> = {
  'docs/guides/audit.md': [['users add --username dora --no-password']],
  'docs/guides/backup.md': [['users add --username dora --no-password']],
  'docs/guides/personal-data.md': [
    ['users add --username dora --sub 7f0c --email dora@example.com --email-verified --no-password'],
  ],
  'docs/guides/sessions.md': [
    ['users add --username alice --sub 7f0c --email alice@example.com --email-verified --no-password'],
    ['clients add', JSON.stringify(web)],
  ],
}

const time = '2026-11-30T10:00:00'
const line = (milliseconds: number, id: number, level: string, event: string, members: object): string =>
  JSON.stringify({
    ...{ level, time: `${time}.${milliseconds}Z`, request_id: `Xkz0qQ7e-${id}`, network: '192.0.2.7' },
    ...{ client_id: 'web', ...members, event },
  })
const toCommit = ['parse', 'authenticate', 'grant', 'prove', 'decide', 'sign', 'commit', 'respond']

/** The log of the server for the requests that docs/guides/troubleshooting.md explains. */
const log = [
  line(274, 1, 'info', 'refused', {
    ...{ endpoint: 'token', steps: ['parse', 'authenticate'], method: 'client_secret_basic' },
    ...{ error: 'invalid_client', reason: 'client_secret_wrong' },
    ...{
      expected: 'the only secret of the client',
      received: '28 characters, ends with a space or line break',
    },
  }),
  line(411, 2, 'info', 'refused', {
    ...{ endpoint: 'authorize', steps: ['parse', 'target'] },
    ...{ error: 'invalid_request', reason: 'redirect_uri_not_registered' },
    ...{ expected: 'https://app.example.com/callback', received: 'https://app.example.com/callback/' },
  }),
  line(548, 3, 'info', 'refused', {
    ...{ endpoint: 'authorize', steps: ['parse', 'target', 'decide'] },
    ...{ error: 'invalid_scope', reason: 'scope_unknown', received: 'api1', scope: 'api1' },
  }),
  line(685, 4, 'info', 'tokens_issued', {
    ...{ steps: toCommit, grant_type: 'authorization_code', sub: '88421113' },
    ...{ authorization_id: 'Oux3b1KYmM1c4Rk9sU2xBw', scope: 'openid profile' },
  }),
  line(822, 5, 'warn', 'refused', {
    ...{ endpoint: 'token', steps: toCommit.slice(0, 5), authorization_id: 'Oux3b1KYmM1c4Rk9sU2xBw' },
    ...{ error: 'invalid_grant', reason: 'code_replayed', received: 'tc_… (55 characters, hash 5RuE0bLw…)' },
  }),
  line(959, 6, 'info', 'refused', {
    ...{ endpoint: 'token', steps: toCommit.slice(0, 5), authorization_id: 'Oux3b1KZyV0h6Qm2rT8wAg' },
    ...{ error: 'invalid_grant', reason: 'code_expired' },
    ...{ expected: 'within 300 s', received: '100 s after it expired' },
  }),
]

/** Writes the files. Resolves to a function that returns their paths. */
export async function worldOf(page: string, folder: string): Promise<(name: string) => string> {
  const inPage = join(folder, page.replaceAll(/\W/g, '-'))
  mkdirSync(inPage)
  const at = (name: string): string => `${inPage}/${name}`
  const configuration = { storage: `sqlite:${at('tessera.db')}`, ...(configurations[page] ?? base) }
  const changedWeb = { ...web, grant_types: ['authorization_code'], scope: 'openid orders' }
  const wrong = { client_id: 'web', token_endpoint_auth_method: 'none', redirect_urls: [] }
  const files: Readonly<Record<string, string>> = {
    'tessera.jsonc': JSON.stringify(configuration),
    'changed.jsonc': JSON.stringify({ ...configuration, users: [], clients: [changedWeb, app] }),
    'wrong.jsonc': JSON.stringify({ ...base, clients: [app, { ...app, client_id: 'tv' }, wrong] }),
    'hash.txt': '$2b$10$1MLZlr0Rm2plQ7tCXjuSVe2cv2gY1xVNGC3Y.YbVQ6UhLIX5U8Kee\n',
    file: 'another-long-password\n',
    'clients.json': readText('test/migration/fixtures/hydra-clients.json'),
    'tessera.log': `${log.join('\n')}\n`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text)
  for (const [command, input] of earlier[page] ?? []) {
    const { code, output } = await captureWords(
      [...command.split(' '), '--config', at('tessera.jsonc')],
      input,
    )
    if (code !== 0) throw new Error(`${command}: ${output}`)
  }
  return at
}
