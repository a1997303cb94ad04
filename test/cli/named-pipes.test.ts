/**
 * A named pipe that nothing writes to, in place of each file that a server reads while it runs. Opening one would block the
 * server, or keep it from ending. Processes, because a blocked one can't report that. POSIX only.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { testFolder } from '../support/folder.ts'
import { inTime, until } from '../support/until.ts'
import { finish, logEventsIn, readyUrl, start, tessera } from './tessera.ts'

const options = { timeout: 120_000, skip: process.platform === 'win32' && 'it has no named pipes' }
const folder = testFolder()

function makePipe(name: string): string {
  rmSync(folder.at(name), { force: true })
  execFileSync('mkfifo', [folder.at(name)])
  return folder.at(name)
}

const directory = {
  name: 'directory',
  type: 'ldap',
  directory: { url: 'ldaps://localhost', user_dn: 'uid={{username}},dc=example', ca_file: './pipe' },
}
const secret = { client_id: 'machine', client_secrets: [{ value: { file: './pipe' } }] }

/** The keys that name a file, and a configuration in which that file is a named pipe. */
const files: Record<string, object> = {
  'branding.logo': { branding: { logo: './pipe.png' } },
  master_key_file: { master_key_file: './pipe' },
  'clients[0].client_secrets[0].value': {
    clients: [{ ...secret, grant_types: ['client_credentials'], scope: 'api' }],
    api_scopes: [{ name: 'api' }],
  },
  'identity_providers[0].directory': { identity_providers: [directory] },
}

for (const [path, configuration] of Object.entries(files))
  test(`named pipe: it is refused as ${path}`, options, async () => {
    makePipe('pipe')
    makePipe('pipe.png')
    const file = await folder.write(`${path}.json`, JSON.stringify(configuration))
    const { code, stderr } = await tessera(['config', 'check', file])
    assert.equal(code, 1)
    assert.ok(stderr.startsWith(path), stderr)
    assert.match(stderr, /it is not a regular file/)
  })

test('named pipe: it is refused as the configuration itself', options, async () => {
  const { code, stderr } = await tessera(['config', 'check', makePipe('itself.json')])
  assert.deepEqual([code, /itself\.json: it is not a regular file/.test(stderr)], [1, true])
})

test('named pipe: PGPASSFILE that is one is ignored, as libpq does', options, () => {
  const module = new URL('../../packages/server/src/storage/postgres/pass-file.ts', import.meta.url).href
  const pipe = makePipe('pass')
  chmodSync(pipe, 0o600)
  const place = { host: 'localhost', port: 5432, database: 'tessera', user: 'tessera' }
  const script = `import { passwordOfFile } from '${module}'
    console.log(passwordOfFile(${JSON.stringify(place)}))`
  const environment = { ...process.env, PGPASSFILE: pipe }
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    env: environment,
    timeout: 60_000,
  })
  assert.equal(String(text), 'undefined\n')
})

test(
  'named pipe: a reload and a page that find one are answered as before, and SIGTERM ends the server',
  options,
  async () => {
    const file = await folder.write('served.json', JSON.stringify({ storage: 'memory:', templates: '.' }))
    makePipe('message.eta')
    const child = start(['serve', '--config', file, '--port', '0', '--workers', '1'])
    let log = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      log += text
    })
    const ended = finish(child)
    try {
      const url = await readyUrl(child)
      const page = await fetch(`${url}/connect/authorize`)
      assert.equal(page.status, 400)
      await until('the broken template is logged', () => /template_broken/.test(log))
      makePipe('served.json')
      child.kill('SIGHUP')
      await until('the reload is refused', () =>
        logEventsIn(log).some(({ event }) => event === 'configuration_refused'),
      )
      assert.equal((await fetch(`${url}/healthz`)).status, 200)
      child.kill('SIGTERM')
      assert.equal((await inTime('the server ends', ended, { within: 30_000 })).code, 0)
    } finally {
      child.kill('SIGKILL')
    }
  },
)
