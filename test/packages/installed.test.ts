/**
 * The packages as others get them. They are packed once, and installed with npm in a folder outside the repository from
 * a registry on this machine. Each version of Node that they support then runs them.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { apiReport } from '../../packages/api-report.ts'
import { freePort } from '../support/process.ts'
import { readText } from '../support/repository.ts'
import {
  type Installed,
  installPackages,
  nodeBinary,
  npm,
  pack,
  repository,
  runNode,
  startNode,
  unexpectedErrors,
} from './installed.ts'

const run = promisify(execFile)

/** Returns the changes that Git sees in the repository. */
const gitStatus = async (): Promise<string> =>
  (await run('git', ['status', '--porcelain'], { cwd: repository })).stdout

const missing = 'not installed here: npm ci --prefix test/packages/runtimes (Linux on x64)'

let installed: Installed
let statusBefore = ''
let statusAfter = ''
before(
  async () => {
    statusBefore = await gitStatus()
    installed = await installPackages()
    statusAfter = await gitStatus()
  },
  { timeout: 240_000 },
)
after(() => installed?.remove())

const packageOf = (name: string, ...path: readonly string[]): string =>
  join(installed.application, 'node_modules/@tessera', name, ...path)

const manifestOf = async (name: string): Promise<Record<string, any>> =>
  JSON.parse(await readFile(packageOf(name, 'package.json'), 'utf8'))

async function filesOf(name: string): Promise<readonly string[]> {
  const entries = await readdir(packageOf(name), { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile())
    .map(entry =>
      join(entry.parentPath, entry.name)
        .slice(packageOf(name).length + 1)
        .split(sep)
        .join('/'),
    )
    .filter(file => !file.startsWith('node_modules/'))
    .toSorted()
}

/** Writes a module of the application; returns its path. */
async function writeModule(name: string, text: string): Promise<string> {
  await writeFile(join(installed.application, name), text)
  return join(installed.application, name)
}

test('packages: packing leaves the clone as it was, even if it fails', async () => {
  assert.equal(statusAfter, statusBefore)
  await assert.rejects(
    pack(['@tessera/protocol'], join(repository, 'package.json'), installed.folder),
    /npm error/,
  )
  assert.equal(await gitStatus(), statusBefore)
})

test('packages: they contain what runs, its types and its maps, and nothing else', async () => {
  const shown = /^(?:package\.json|README\.md|LICENSE|NOTICE)$/
  for (const name of ['protocol', 'client', 'server']) {
    const files = await filesOf(name)
    assert.ok(['README.md', 'LICENSE', 'NOTICE'].every(file => files.includes(file)))
    const strange = files.filter(
      file =>
        !shown.test(file) &&
        !/^dist\/.*(?:\.js|\.js\.map|\.d\.ts|\.eta|\.css|\.jsonc|schema\.json|reasons\.md)$/.test(file),
    )
    assert.deepEqual(strange, [])
    assert.deepEqual(
      files.filter(file => file.includes('.test.')),
      [],
    )
    for (const file of files.filter(file => file.endsWith('.map'))) {
      const map = JSON.parse(await readFile(packageOf(name, file), 'utf8'))
      assert.ok(files.includes(file.replace(/\.map$/, '')))
      assert.equal(map.sources.length, 1)
      assert.equal(typeof map.sourcesContent[0], 'string')
      assert.match(resolve(packageOf(name, dirname(file)), map.sources[0]), /\/src\/.*\.ts$/)
    }
    for (const file of files.filter(file => file.endsWith('.d.ts')))
      for (const [, specifier = ''] of (await readFile(packageOf(name, file), 'utf8')).matchAll(
        /(?:from |import\()['"](\.[^'"]+)['"]/g,
      ))
        await stat(resolve(packageOf(name, dirname(file)), specifier.replace(/\.js$/, '.d.ts')))
  }
})

test('packages: each entry that package.json promises exists, with types, and works without the condition of the clone', async () => {
  for (const name of ['protocol', 'client', 'server']) {
    const { exports, bin = {}, engines, license } = await manifestOf(name)
    for (const entry of Object.values(exports) as Record<string, string>[]) {
      await stat(packageOf(name, entry.types!))
      await stat(packageOf(name, entry.default!))
    }
    for (const file of Object.values(bin) as string[])
      assert.ok((await stat(packageOf(name, file))).mode & 0o100, `${file} is executable`)
    assert.match(engines.node, /^>=/)
    assert.equal(license, 'Apache-2.0')
    assert.equal(
      readFileSync(packageOf(name, 'LICENSE'), 'utf8'),
      readFileSync(join(repository, 'LICENSE'), 'utf8'),
    )
  }
})

test('packages: api.txt of each package lists its public interface', async () => {
  for (const name of ['protocol', 'client', 'server'])
    assert.equal(
      apiReport(packageOf(name)),
      readText(`packages/${name}/api.txt`),
      'the public interface has changed: run `npm run api`, and review the difference',
    )
})

test('packages: a change of the public interface changes its report', async () => {
  const folder = join(installed.folder, 'changed')
  await cp(packageOf('server'), folder, { recursive: true })
  const report = apiReport(folder)
  const declarations = join(folder, 'dist/app/tessera.d.ts')
  const text = await readFile(declarations, 'utf8')
  await writeFile(declarations, text.replace('readonly issuer: string;', 'readonly issuer: URL;'))
  assert.notEqual(apiReport(folder), report)
  // A comment is no part of it.
  await writeFile(declarations, text.replace('/**', '/** A comment. */\n/**'))
  assert.equal(apiReport(folder), report)
})

test('packages: configurations and embedding programs compile against the published types', async () => {
  await writeModule('typed.ts', configuration('sqlite:./typed.db'))
  await writeModule('typed-embedding.ts', embedding)
  const wrong = `import { defineConfig } from '@tessera/server'\nexport default defineConfig({ clients: [{ client_idd: 'x' }] })\n`
  await writeModule('wrong.ts', wrong)
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    const files = ['typed.ts', 'typed-embedding.ts', 'wrong.ts']
    const output = await compileWith({ module, moduleResolution, files }).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    )
    assert.deepEqual(unexpectedErrors(output), [], moduleResolution)
    assert.match(output, /client_idd/)
  }
})

/** Runs the compiler strictly, library declarations included. Rejects with its output. */
async function compileWith({
  files,
  ...options
}: Readonly<Record<string, unknown>> & { readonly files: readonly string[] }): Promise<void> {
  const compilerOptions = {
    ...options,
    ...{ target: 'es2024', strict: true, noEmit: true, skipLibCheck: false },
    ...{ types: ['node'], typeRoots: [join(repository, 'node_modules/@types')] },
  }
  const project = await writeModule('tsconfig.json', JSON.stringify({ compilerOptions, files }))
  await run(
    process.execPath,
    [join(repository, 'node_modules/typescript/bin/tsc'), '--singleThreaded', '--project', project],
    {
      env: installed.environment,
    },
  )
}

test('packages: an import of an internal file is refused', async () => {
  const script = [
    '@tessera/server/src/app/tessera.ts',
    '@tessera/server/dist/app/tessera.js',
    '@tessera/protocol/x',
  ]
    .map(specifier => `await import('${specifier}').catch(error => console.log(error.code))`)
    .join('\n')
  const { printed } = await runNode(installed, process.execPath, ['--input-type=module', '--eval', script])
  assert.deepEqual(printed.trim().split('\n'), Array(3).fill('ERR_PACKAGE_PATH_NOT_EXPORTED'))
})

test('packages: an old version of Node is told in one line which one is needed', async t => {
  const binary = nodeBinary(20)
  if (!binary) return t.skip(missing)
  const needed = /needs Node\.js 22\.20 or newer, and this is v20\./
  const command = await runNode(installed, binary, [packageOf('server', 'dist/cli/tessera.js'), 'demo'])
  assert.equal(command.code, 1)
  assert.match(command.errors, needed)
  assert.equal(command.errors.trim().split('\n').length, 1)
  const file = await writeModule(
    'old.mjs',
    `import { createTessera } from '@tessera/server'\ncreateTessera()\n`,
  )
  const imported = await runNode(installed, binary, [file])
  assert.equal(imported.code, 1)
  assert.match(imported.errors, needed)
  // The message is the one of the import, not of a syntax that this version does not know.
  assert.doesNotMatch(imported.errors, /SyntaxError/)
})

/** The environment of a service. Each server of a test has its own store. */
const settings = `
  clients: [{
    client_id: 'machine',
    client_secrets: [{ value: 'secret' }],
    grant_types: ['client_credentials', 'urn:example:ticket'],
    scope: 'api',
  }],
  api_scopes: [{ name: 'api' }],
  api_resources: [{ name: 'urn:api', scopes: ['api'] }],
  identity_providers: [{ type: 'custom', name: 'own', credentialAuthority: { check: async () => ({ ok: false }) } }],`

const configuration = (storage: string): string => `
import { defineConfig, defineGrant, type GrantDecision, tokenExchange } from '@tessera/server'

const ticket = defineGrant({
  grantType: 'urn:example:ticket',
  parameters: { ticket: { required: true } },
  decide: async ({ parameters }): Promise<GrantDecision> => ({ ok: true, claims: { ticket: parameters.get('ticket') ?? '' } }),
})

export default defineConfig({
  storage: '${storage}',
  grants: [tokenExchange(), ticket],${settings}
})
`

const embedding = `
import { createServer } from 'node:http'
import { createTessera, loadConfiguration } from '@tessera/server'

const [file = '', port = ''] = process.argv.slice(2)
const loaded = await loadConfiguration({ file, environment: {}, overrides: { port } })
if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors))
const tessera = await createTessera(loaded.configuration)
const server = createServer(tessera.listener).listen(Number(port), '127.0.0.1', () => {
  console.log('embedded at ' + tessera.issuer)
})
process.once('SIGTERM', () => server.close(() => tessera.close()))
`

/** Requests a token; returns its claims. */
async function tokenClaims(
  issuer: string,
  form: Readonly<Record<string, string>>,
  client = 'machine:secret',
): Promise<Record<string, any>> {
  const response = await fetch(`${issuer}/connect/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(client)}` },
    body: new URLSearchParams(form),
  })
  const body = (await response.json()) as { access_token?: string }
  assert.equal(response.status, 200, JSON.stringify(body))
  return JSON.parse(atob(body.access_token!.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')))
}

for (const major of [22, 24, 26]) {
  const onNode = (title: string, body: (binary: string) => Promise<void>): void =>
    void test(`packages: ${title}, on Node ${major}`, { timeout: 180_000 }, t => {
      const binary = nodeBinary(major)
      if (!binary) return t.skip(missing)
      return body(binary)
    })

  onNode('npx @tessera/server demo serves the requests that it prints', async binary => {
    const port = await freePort()
    const npx = [npm(), 'exec', '--offline', '--', '@tessera/server', 'demo', '--port', String(port)]
    const demo = startNode(installed, binary, npx)
    try {
      await demo.prints(/Ctrl-C stops the demo/)
      const issuer = `http://localhost:${port}`
      assert.match(demo.printed(), /curl [^#]*connect\/token[^#]*client_credentials/)
      const machine = 'machine:secret-of-machine'
      assert.equal(
        (await tokenClaims(issuer, { grant_type: 'client_credentials' }, machine)).client_id,
        'machine',
      )
      // Pages: templates, styles, a translation, and argon2id in a thread.
      const login = await fetch(`${issuer}/account`, { headers: { 'accept-language': 'de' } })
      assert.match(await login.text(), /lang="de"/)
    } finally {
      await demo.stop()
    }
  })

  onNode('serve runs a TypeScript configuration that imports the package, with two workers', async binary => {
    const file = await writeModule(`serve-${major}.ts`, configuration(`sqlite:./serve-${major}.db`))
    const command = packageOf('server', 'dist/cli/tessera.js')
    const port = String(await freePort())
    const server = startNode(installed, binary, [
      command,
      'serve',
      '--config',
      file,
      '--port',
      port,
      '--workers',
      '2',
    ])
    try {
      await server.prints(/^listening on /m)
      const issuer = `http://localhost:${port}`
      const { ticket } = await tokenClaims(issuer, { grant_type: 'urn:example:ticket', ticket: 'one' })
      assert.equal(ticket, 'one')
    } finally {
      assert.equal(await server.stop(), 0, server.errors())
    }
  })

  onNode('createTessera serves in an application, on SQLite', async binary => {
    const file = await writeModule(`embedded-${major}.ts`, configuration(`sqlite:./embedded-${major}.db`))
    const program = await writeModule('embedding.mjs', embedding)
    const server = startNode(installed, binary, [program, file, String(await freePort())])
    try {
      const [, issuer = ''] = await server.prints(/^embedded at (\S+)$/m)
      const form = { grant_type: 'client_credentials', scope: 'api' }
      assert.equal((await tokenClaims(issuer, form)).client_id, 'machine')
    } finally {
      assert.equal(await server.stop(), 0, server.errors())
    }
  })

  onNode('each module of the packages loads, and so do their dependencies', async binary => {
    const started =
      /^dist\/(?:cli\/(?:tessera|worker)|storage\/sqlite\/writer\/writer|pages\/ui\/[\w-]+)\.js$/
    const modules = (await filesOf('server')).filter(file => file.endsWith('.js') && !started.test(file))
    assert.ok(modules.length > 400, `only ${modules.length} modules were seen`)
    const { dependencies } = await manifestOf('server')
    const { exports } = await manifestOf('protocol')
    const imports = [
      ...modules.map(file => packageOf('server', file)),
      ...Object.keys(dependencies).filter(name => name !== '@tessera/protocol'),
      ...Object.keys(exports).map(entry => `@tessera/protocol${entry.slice(1)}`),
    ]
    const file = await writeModule(
      'imports.mjs',
      `const failed = []
for (const one of ${JSON.stringify(imports)}) await import(one).catch(error => failed.push(one + ': ' + error.message))
console.log(JSON.stringify(failed))
process.exit()`,
    )
    const { printed, errors } = await runNode(installed, binary, [file])
    assert.deepEqual(JSON.parse(printed || '["nothing was printed"]'), [], errors)
  })
}
