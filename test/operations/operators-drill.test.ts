/**
 * The operator's drill: a server is installed, put behind a proxy with TLS and on PostgreSQL, used, operated, backed up,
 * restored and upgraded, with the commands and files that operators use. Only npm is replaced, because the packages are
 * not published: what it would install leads to this repository.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { captureCommand, runCommand } from '../support/commands.ts'
import { testFolder } from '../support/folder.ts'
import { providePostgres } from '../support/postgres.ts'
import { freePort } from '../support/process.ts'
import { entry } from '../support/serving.ts'
import { askTls, startTlsProxy } from '../support/tls-proxy.ts'
import { until } from '../support/until.ts'

const folder = testFolder()
const root = folder.at('root')
const installer = fileURLToPath(new URL('../../deploy/systemd/install.sh', import.meta.url))
const command = `${root}/opt/tessera/current/node_modules/.bin/tessera`
const at = (name: string): string => folder.at(name)
const postgres = providePostgres()

/** Installs a version as `install.sh` does. */
function install(version: string): void {
  mkdirSync(at('packages'), { recursive: true })
  mkdirSync(at('bin'), { recursive: true })
  writeFileSync(
    at('bin/npm'),
    `#!/bin/sh
mkdir -p node_modules/.bin
printf '#!/bin/sh\\nexec "${process.execPath}" "${entry}" "$@"\\n' > node_modules/.bin/tessera
chmod 755 node_modules/.bin/tessera
`,
  )
  chmodSync(at('bin/npm'), 0o755)
  execFileSync('sh', [installer, version, at('packages')], {
    env: { ...process.env, DESTDIR: root, PATH: `${at('bin')}:${process.env.PATH}` },
    stdio: 'pipe',
  })
}

type Served = { readonly child: ChildProcess; readonly log: () => string }
let running: ChildProcess | undefined
after(() => running?.kill('SIGKILL'))

/** Starts the installed version, and waits until every worker serves. */
async function serve(file: string, port: number, workers: number): Promise<Served> {
  const words = ['serve', '--config', file, '--port', String(port), '--workers', String(workers)]
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  running = child
  let [output, log] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    log += text
  })
  await until(
    'the server is ready',
    () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${log}`)
      return output.includes('listening on')
    },
    { within: 60_000 },
  )
  return { child, log: () => log }
}

async function stop({ child }: Served): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  assert.equal((await exit)[0], 0)
}

test('drill: install, proxy, workers, rotation, revocation, a refusal, backup, restore and upgrade', async () => {
  const { database, giveBack } = await postgres()
  const [url, spare] = [await database(), await database()]
  const proxy = await startTlsProxy()
  const issuer = `https://localhost:${proxy.port}`

  // Install
  install('0.1.0')
  const key = `${root}/etc/tessera/credentials/master-key`
  assert.equal(statSync(key).mode & 0o777, 0o400)
  assert.equal(readlinkSync(`${root}/opt/tessera/current`), '0.1.0')
  process.env.TESSERA_MASTER_KEY_FILE = key
  process.env.TESSERA_LOG_LEVEL = 'info'
  process.chdir(folder.at())
  const configured = (file: string): string => `issuer: ${issuer}
storage: { file: ${file} }
trusted_proxies: [127.0.0.1]
accounts: {}
mail: { from: login@example.com, smtp: { host: 127.0.0.1, port: 2525 } }
metrics: { tokens: [{ value: { file: metrics-token } }] }
api_scopes: [{ name: api1 }]
clients:
  - client_id: shop
    client_secrets: [{ value: { file: shop-secret } }]
    grant_types: [password, refresh_token]
    scope: openid api1 offline_access
`
  const secret = (name: string, text: string): void => writeFileSync(at(name), `${text}\n`, { mode: 0o600 })
  secret('shop-secret', 'the-first-secret-of-the-shop')
  secret('metrics-token', 'a-token-of-thirty-two-characters')
  secret('database', url)
  secret('spare-database', spare)
  writeFileSync(at('tessera.yaml'), configured('database'))
  await runCommand('tessera config check tessera.yaml')
  execFileSync(command, 'users add --config tessera.yaml --username dora --sub dora'.split(' '), {
    input: 'a-long-pass-phrase',
  })

  // Two workers behind a proxy with TLS
  const port = await freePort()
  const server = await serve(at('tessera.yaml'), port, 2)
  proxy.lead(port)
  const token = (form: Record<string, string>, clientSecret: string) =>
    askTls(proxy.port, '/connect/token', {
      form: { client_id: 'shop', client_secret: clientSecret, ...form },
    })
  const signIn = (clientSecret: string) =>
    token(
      {
        grant_type: 'password',
        username: 'dora',
        password: 'a-long-pass-phrase',
        scope: 'openid offline_access',
      },
      clientSecret,
    )
  const first = await signIn('the-first-secret-of-the-shop')
  assert.equal(first.status, 200, first.body)
  assert.equal((await askTls(proxy.port, '/metrics')).status, 404)

  // The checklist: the certificate of this test is not trusted, and its database does not wait for the disk.
  const { output } = await captureCommand(`tessera doctor --url ${issuer} --config tessera.yaml --json`)
  const findings: readonly { id: string; state: string }[] = JSON.parse(output).checks
  const failed = findings.filter(({ state }) => state === 'failed').map(({ id }) => id)
  assert.deepEqual(
    failed.filter(id => !['tls-certificate', 'storage'].includes(id)),
    [],
    output,
  )

  // Rotate a secret: write the file, and reload.
  secret('shop-secret', 'the-second-secret-of-the-shop')
  server.child.kill('SIGHUP')
  await until(
    'both workers accept the new secret only',
    () => server.log().split('"event":"configuration_applied"').length > 2,
  )
  assert.equal((await signIn('the-second-secret-of-the-shop')).status, 200)

  // Explain a refusal: its response names the request, and the log has its steps.
  const refused = await signIn('the-first-secret-of-the-shop')
  assert.equal(JSON.parse(refused.body).error, 'invalid_client')
  const id = String(refused.headers['x-request-id'])
  const line = await until('the refusal is logged', () =>
    server
      .log()
      .split('\n')
      .find(one => one.includes(`"request_id":"${id}"`) && one.includes('"refused"')),
  )
  assert.equal(JSON.parse(line).reason, 'client_secret_wrong')
  assert.equal(JSON.parse(line).network, '127.0.0.1')
  writeFileSync(at('server.log'), server.log())
  const explained = await captureCommand(`tessera explain ${id} server.log`)
  assert.equal(explained.code, 0, explained.output)
  assert.match(explained.output, /✓ parse\n {2}✗ authenticate: invalid_client, client_secret_wrong\n/)
  assert.match(explained.output, /section: RFC 6749 §2\.3\.1/)
  assert.doesNotMatch(explained.output, /the-first-secret|the-second-secret/)

  // Rotate the signing keys.
  const published = async (): Promise<number> =>
    JSON.parse((await askTls(proxy.port, '/.well-known/openid-configuration/jwks')).body).keys.length
  const before = await published()
  await runCommand('tessera keys rotate --config tessera.yaml --now')
  await until('the new keys are published', async () => (await published()) > before)

  // Revoke everything of a user, who can sign in again.
  const refresh = (refresh_token: string) =>
    token({ grant_type: 'refresh_token', refresh_token }, 'the-second-secret-of-the-shop')
  await runCommand('tessera users revoke --config tessera.yaml --user dora')
  const revoked = await refresh(JSON.parse(first.body).refresh_token)
  assert.equal(JSON.parse(revoked.body).error, 'invalid_grant')
  await until('the reason is logged', () => server.log().includes('"reason":"authorization_revoked"'))
  const again = JSON.parse((await signIn('the-second-secret-of-the-shop')).body)

  // Back up while it runs, then restore into another database, by the next version.
  await runCommand('tessera export --config tessera.yaml --to backup.jsonl')
  assert.equal(statSync(at('backup.jsonl')).mode & 0o777, 0o600)
  await stop(server)
  assert.equal((await askTls(proxy.port, '/connect/userinfo')).status, 502)
  install('0.1.1')
  assert.equal(readlinkSync(`${root}/opt/tessera/current`), '0.1.1')
  writeFileSync(at('tessera.yaml'), configured('spare-database'))
  await runCommand('tessera migrate --config tessera.yaml')
  await runCommand('tessera import --config tessera.yaml --from backup.jsonl')
  const restored = await serve(at('tessera.yaml'), port, 1)
  const continued = await refresh(again.refresh_token)
  assert.equal(continued.status, 200, continued.body)
  assert.equal((await refresh(JSON.parse(first.body).refresh_token)).status, 400)
  assert.ok((await published()) > before)
  await stop(restored)

  proxy.close()
  assert.ok(readFileSync(key, 'utf8').length > 40)
  await giveBack(url)
  await giveBack(spare)
})
