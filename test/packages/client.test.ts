/**
 * `@tessera/client` as others get it: two tarballs in an empty folder, without the server. Its types need neither
 * those of Node nor those of browsers, and each supported version of Node gets a token with it.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { bundle } from '../client/bundles.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { readText } from '../support/repository.ts'
import {
  type Installed,
  installClient,
  nodeBinary,
  repository,
  runNode,
  unexpectedErrors,
} from './installed.ts'

const run = promisify(execFile)
const missing = 'not installed here: npm ci --prefix test/packages/runtimes (Linux on x64)'

let installed: Installed
before(
  async () => {
    installed = await installClient()
  },
  { timeout: 240_000 },
)

const { exports: entries } = JSON.parse(readText('packages/client/package.json')) as { exports: object }
const specifiers = Object.keys(entries).map(entry => `@tessera/client${entry.slice(1)}`)

/** Writes a module of the application; returns its path. */
async function writeModule(name: string, text: string): Promise<string> {
  await writeFile(join(installed.application, name), text)
  return join(installed.application, name)
}

test('client package: nothing else is installed with it', async () => {
  const modules = join(installed.application, 'node_modules')
  const visible = (names: readonly string[]) => names.filter(name => !name.startsWith('.')).toSorted()
  assert.deepEqual(visible(await readdir(modules)), ['@tessera'])
  assert.deepEqual(visible(await readdir(join(modules, '@tessera'))), ['client', 'protocol'])
})

const typed = `
import { type Client, clientCredentials, clientSecretBasic, createClient, type TokenResponse, unwrap } from '@tessera/client'

const client: Client = createClient({
  issuer: 'https://id.example',
  client_id: 'machine',
  authentication: clientSecretBasic('secret'),
  fetch: (url, init) => fetch(url, init),
  hooks: { exchanged: ({ operation, duration }) => void [operation, duration] },
})
export const tokens: TokenResponse = unwrap(await clientCredentials(client, { scope: 'api1', signal: AbortSignal.timeout(1000) }))
`

const environments = {
  'a browser, without the types of Node': { lib: ['es2024', 'dom', 'dom.iterable'], types: [] },
  'Node, without the types of browsers': { lib: ['es2024'], types: ['node'] },
} as const

for (const [where, environment] of Object.entries(environments))
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const)
    test(`client package: its types are complete in ${where} (${moduleResolution})`, async () => {
      const name = `types-${moduleResolution}-${environment.types.length}`
      const all = specifiers.map((one, index) => `export * as entry${index} from '${one}'\n`)
      const file = await writeModule(`${name}.ts`, typed + all.join(''))
      const wrong = await writeModule(`${name}-wrong.ts`, typed.replace('client_id:', 'clientId:'))
      const output = await compile(name, [file, wrong], { module, moduleResolution, ...environment })
      assert.deepEqual(unexpectedErrors(output), [])
      assert.match(output, /clientId/)
    })

test('client package: its types are complete with those of Node 20, which have fewer globals', async t => {
  const typeRoot = join(repository, 'test/packages/runtimes/node_modules/@types')
  if (!existsSync(typeRoot)) return t.skip(missing)
  const all = specifiers.map((one, index) => `export * as entry${index} from '${one}'\n`)
  const file = await writeModule('types-20.ts', typed + all.join(''))
  const resolution = { module: 'nodenext', moduleResolution: 'nodenext' }
  const options = { ...resolution, lib: ['es2024'], types: ['node'], typeRoots: [typeRoot] }
  const newer = await writeModule('types-20-wrong.ts', 'export type Key = CryptoKey\n')
  const output = await compile('types-20', [file, newer], options)
  assert.deepEqual(unexpectedErrors(output), [])
  assert.match(output, /Cannot find name 'CryptoKey'/)
})

/** Compiles strictly, declarations of the package included. Returns what the compiler prints. */
async function compile(name: string, files: readonly string[], options: object): Promise<string> {
  const compilerOptions = {
    ...{
      target: 'es2024',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: false,
    },
    ...{ typeRoots: [join(repository, 'node_modules/@types')], ...options },
  }
  const project = await writeModule(`${name}.json`, JSON.stringify({ compilerOptions, files }))
  const compiler = join(repository, 'node_modules/typescript/bin/tsc')
  return run(process.execPath, [compiler, '--singleThreaded', '--project', project], {
    env: installed.environment,
  }).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
}

test('client package: bundled from its published files, client credentials need at most 6 kB', async () => {
  const program = `
    import { clientCredentials, clientSecretBasic, createClient } from '@tessera/client'
    export const token = () => clientCredentials(createClient({ issuer: 'https://id.example', client_id: 'machine', authentication: clientSecretBasic('secret') }))`
  const { size, files } = await bundle(program, { folder: installed.application })
  assert.ok(size <= 6000, `${size} bytes`)
  assert.ok(files.some(file => file.endsWith('client/dist/token/client-credentials.js')))
})

const program = `
import { clientCredentials, clientSecretBasic, createClient } from '@tessera/client'

const loaded = []
for (const one of ${JSON.stringify(specifiers)}) loaded.push(Object.keys(await import(one)).length)
const authentication = clientSecretBasic('secret-of-machine')
const client = createClient({ issuer: process.argv[2], client_id: 'machine', authentication })
const { ok, value, error } = await clientCredentials(client, { scope: 'api' })
console.log(JSON.stringify({ loaded, ok, error, expires_in: value?.expires_in }))
`

const configuration = {
  clients: [
    {
      client_id: 'machine',
      client_secrets: [{ value: 'secret-of-machine' }],
      grant_types: ['client_credentials'],
      scope: 'api',
      access_token_lifetime: 600,
    },
  ],
  api_scopes: [{ name: 'api' }],
  api_resources: [{ name: 'urn:api', scopes: ['api'] }],
}

describe('client package: a program', () => {
  let server: RunningServer
  let removeConfiguration: () => Promise<void>
  before(async () => {
    const { file, remove } = await writeConfiguration({ storage: 'memory:', ...configuration })
    removeConfiguration = remove
    server = await serveConfiguration(file, await freePort())
    await writeModule('program.mjs', program)
  })
  after(async () => {
    await server?.stop()
    await removeConfiguration?.()
  })

  for (const major of [20, 22, 24, 26])
    test(`client package: each entry loads, and a client gets a token, on Node ${major}`, async t => {
      const binary = nodeBinary(major)
      if (!binary) return t.skip(missing)
      const { printed, errors } = await runNode(installed, binary, ['program.mjs', server.url])
      assert.equal(errors, '')
      const { loaded, ok, error, expires_in } = JSON.parse(printed)
      assert.ok(ok, JSON.stringify(error))
      assert.equal(expires_in, 600)
      assert.equal(loaded.length, specifiers.length)
    })
})
