/**
 * The operator's drill, `deploy/drill/drill.sh`: a server is installed, put behind a proxy with TLS and on PostgreSQL, used,
 * operated, backed up, restored and upgraded, with the commands and files that operators use. Only npm is replaced, because
 * the packages are not published: what it would install leads to this repository.
 */

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testFolder } from '../support/folder.ts'
import { providePostgres } from '../support/postgres.ts'
import { freePort } from '../support/process.ts'
import { readText } from '../support/repository.ts'
import { entry } from '../support/serving.ts'
import { certificate } from '../support/tls.ts'
import { startTlsProxy } from '../support/tls-proxy.ts'
import { inTime } from '../support/until.ts'

const folder = testFolder()
const at = (name: string): string => folder.at(name)
const script = fileURLToPath(new URL('../../deploy/drill/drill.sh', import.meta.url))
const postgres = providePostgres()

mkdirSync(at('bin'))
mkdirSync(at('packages'))
writeFileSync(at('authority.pem'), certificate)
const executable = (name: string, text: string): void => {
  writeFileSync(at(name), text)
  chmodSync(at(name), 0o755)
}
executable(
  'bin/npm',
  `#!/bin/sh
mkdir -p node_modules/.bin
printf '#!/bin/sh\\nexec "${process.execPath}" "${entry}" "$@"\\n' > node_modules/.bin/tessera
chmod 755 node_modules/.bin/tessera
`,
)
executable('bin/node', `#!/bin/sh\nexec "${process.execPath}" "$@"\n`)

type Outcome = { readonly code: number; readonly output: string; readonly errors: string }

function drill(name: string, variables: Readonly<Record<string, string>>): Promise<Outcome> {
  const words = [script, at(name), '0.1.0', at('packages'), '0.1.1', at('packages')]
  const env = {
    ...process.env,
    ...{ PATH: `${at('bin')}:${process.env.PATH}` },
    ...{ CURL_CA_BUNDLE: at('authority.pem'), NODE_EXTRA_CA_CERTS: at('authority.pem') },
    ...variables,
  }
  const run = new Promise<Outcome>(resolve => {
    execFile('sh', words, { env, timeout: 240_000 }, (error, output, errors) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, output, errors }),
    )
  })
  return inTime('the drill ends', run, { within: 250_000 })
}

const lacking = ['curl', 'openssl'].find(
  program => spawnSync(program, ['--version'], { stdio: 'ignore' }).error !== undefined,
)
const skip = lacking !== undefined && `${lacking} is not installed`

/** The steps of the script, and what operators must be able to do. */
const steps = [...readText('deploy/drill/drill.sh').matchAll(/^step '(.+)'$/gm)].map(([, step]) => step!)

test('drill: it has each step of an operator', () => {
  assert.deepEqual(steps, [
    ...['install', 'configure PostgreSQL', 'serve with two workers', 'TLS proxy', 'rotate a secret'],
    ...['explain a refusal', 'rotate the signing keys', 'revoke a user', 'back up', 'upgrade', 'restore'],
    'verify the audit log',
  ])
})

test('drill: install, proxy, workers, rotation, revocation, a refusal, backup, restore and upgrade', {
  skip,
}, async () => {
  const { database, giveBack } = await postgres()
  const [url, spare] = [await database(), await database()]
  const [proxy, port] = [await startTlsProxy(), await freePort()]
  proxy.lead(port)
  const variables = {
    ...{ ISSUER: `https://localhost:${proxy.port}`, PORT: String(port), DATABASE: url, SPARE: spare },
    // The test's database does not wait for the disk, and its certificate is that of a test.
    ACCEPTED: 'storage tls-certificate grants',
  }
  try {
    const { code, output, errors } = await drill('drill', variables)
    assert.equal(code, 0, `${output}${errors}`)
    assert.deepEqual(output.trimEnd().split('\n'), [...steps, 'the drill is complete'])
    assert.equal(readlinkSync(at('drill/root/opt/tessera/current')), '0.1.1')
    assert.equal(statSync(at('drill/backup.jsonl')).mode & 0o777, 0o600)
    const worker = new Set(
      [...readFileSync(at('drill/server.log'), 'utf8').matchAll(/"worker":(\d+)/g)].map(([, one]) => one),
    )
    assert.ok(worker.size >= 2)
  } finally {
    proxy.close()
    await giveBack(url)
    await giveBack(spare)
  }
})

test('drill: a step without the expected result ends it, with the name of the step', { skip }, async () => {
  const { database, giveBack } = await postgres()
  const url = await database()
  // It forwards what it should keep inside.
  const [proxy, port] = [await startTlsProxy({ inside: /^\/none/ }), await freePort()]
  proxy.lead(port)
  const variables = {
    ISSUER: `https://localhost:${proxy.port}`,
    PORT: String(port),
    DATABASE: url,
    SPARE: url,
  }
  try {
    const { code, output, errors } = await drill('open', variables)
    assert.equal(code, 1)
    assert.match(output, /\nTLS proxy\n$/)
    assert.match(errors, /the proxy does not refuse \/metrics\nfailed: TLS proxy \(see /)
    const again = await drill('open', variables)
    assert.match(again.errors, /File exists/)
  } finally {
    proxy.close()
    await giveBack(url)
  }
})
