/** Promises of docs/releasing.md: one version for all packages, a changelog, and a complete list of dependencies. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { testFolder } from '../support/folder.ts'
import { readText } from '../support/repository.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = testFolder()
const run = promisify(execFile)
const read = async (file: string): Promise<any> => JSON.parse(await readFile(file, 'utf8'))

test('release: a changeset raises all packages to one version and appears in their changelogs', async () => {
  const packages = (await readdir(join(root, 'packages'), { withFileTypes: true }))
    .filter(one => one.isDirectory())
    .map(({ name }) => `packages/${name}`)
  for (const file of ['package.json', '.changeset/config.json', 'bench/package.json'].concat(
    packages.map(name => `${name}/package.json`),
  )) {
    await mkdir(dirname(folder.at(file)), { recursive: true })
    await cp(join(root, file), folder.at(file))
  }
  await writeFile(folder.at('.changeset/one.md'), '---\n"@tessera/server": minor\n---\n\nAdd a thing\n')
  await run(process.execPath, [join(root, 'node_modules/@changesets/cli/bin.js'), 'version'], {
    cwd: folder.at(),
  })
  const before = (await read(join(root, 'packages/server/package.json'))).version
  const raised = before.replace(/\.(\d+)\.\d+$/, (_: string, minor: string) => `.${Number(minor) + 1}.0`)
  for (const name of packages)
    assert.equal((await read(folder.at(name, 'package.json'))).version, raised, name)
  const { dependencies } = await read(folder.at('packages/server/package.json'))
  assert.equal(dependencies['@tessera/protocol'], raised)
  const changelog = await readFile(folder.at('packages/server/CHANGELOG.md'), 'utf8')
  assert.match(
    changelog,
    new RegExp(`## ${raised.replaceAll('.', '\\.')}[\\s\\S]*Minor Changes[\\s\\S]*Add a thing`),
  )
  assert.deepEqual(
    (await readdir(folder.at('.changeset'))).filter(name => name.endsWith('.md')),
    [],
  )
})

/** Licences that let anybody use and redistribute the server with theirs. */
const permissive = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
])

/** `expression`: a choice, as `(BSD-3-Clause OR GPL-2.0)`. */
type Licence = { readonly license?: { readonly id?: string }; readonly expression?: string }

const isPermissive = ({ license, expression = license?.id ?? '' }: Licence): boolean =>
  expression
    .replace(/^\((.*)\)$/, '$1')
    .split(' OR ')
    .some(id => permissive.has(id))

test('release: the list of what the server installs is complete, and each part has a permissive licence', async () => {
  const { scripts } = await read(join(root, 'package.json'))
  const [, ...words] = scripts['release:sbom'].split(' ')
  const { stdout } = await run('npm', [...words, '--offline'], { cwd: root, maxBuffer: 50_000_000 })
  const { bomFormat, components } = JSON.parse(stdout) as {
    bomFormat: string
    components: { name: string; 'bom-ref': string; licenses?: Licence[] }[]
  }
  assert.equal(bomFormat, 'CycloneDX')
  const { dependencies } = await read(join(root, 'packages/server/package.json'))
  for (const name of Object.keys(dependencies))
    assert.ok(
      components.some(one => one['bom-ref'].includes(`${name}@`)),
      name,
    )
  for (const { name, licenses = [] } of components) {
    assert.ok(licenses.some(isPermissive), `${name}: ${JSON.stringify(licenses)}`)
  }
})

test('release: npm would publish each package as it is, without correcting it', async () => {
  // In a copy, because the tests that pack replace and remove `dist` in the clone meanwhile.
  const copy = folder.at('clone')
  await cp(join(root, 'packages'), join(copy, 'packages'), {
    recursive: true,
    filter: source => !/[\\/](?:dist|node_modules)$/.test(source),
  })
  await cp(join(root, 'package.json'), join(copy, 'package.json'))
  // It prints what it corrects, and needs neither a build nor a registry.
  const args = ['publish', '--workspaces', '--dry-run', '--ignore-scripts', '--offline']
  const { stdout, stderr } = await run('npm', args, { cwd: copy, maxBuffer: 50_000_000 })
  assert.match(stdout, /^\+ create-tessera@/m)
  assert.doesNotMatch(stderr, /corrected/)
})

test('release: Git ignores the tarballs that npm pack writes into the clone', async () => {
  const tarballs = ['protocol', 'client', 'server']
    .map(name => `tessera-${name}-0.1.0.tgz`)
    .concat('create-tessera-0.1.0.tgz')
  const { stdout } = await run('git', ['check-ignore', ...tarballs], { cwd: root })
  assert.deepEqual(stdout.trim().split('\n'), tarballs)
})

test('release: docs/releasing.md names commands that exist', async () => {
  const { scripts } = await read(join(root, 'package.json'))
  const named = [...readText('docs/releasing.md').matchAll(/`npm run ([\w:]+)/g)].map(([, name]) => name!)
  assert.ok(named.length >= 3)
  for (const name of named) assert.ok(scripts[name], name)
})
