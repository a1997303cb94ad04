/**
 * `node packages/build.ts NAME [FOLDER]`: compiles a package from `src` to `dist`, in its folder or in another one. npm
 * runs it before it packs or publishes the package (`prepack`). Nothing in this repository runs from `dist`: see
 * docs/decisions/0049-built-at-pack-time.md. Compiles only if a source has changed since an earlier build.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { copyBuilt } from './build-cache.ts'
import { declarationClosure } from './declarations.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

type Exports = Readonly<Record<string, { readonly types: string }>>

const [, , name, target] = process.argv
if (name === undefined || !existsSync(join(root, 'packages', name, 'package.json')))
  throw new Error('name a folder of packages: node packages/build.ts server')
await build(name, target ?? join(root, 'packages', name))

/** Replaces `dist` in one step, so that a build that fails leaves the previous one. */
async function build(name: string, target: string): Promise<void> {
  const folder = join(root, 'packages', name)
  const cache = join(root, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'build-'))
  try {
    await copyBuilt({ root, name, work, target: join(target, 'dist') }, async () => {
      await compile(folder, work)
      const output = join(work, name, 'src')
      await Promise.all([copyAssets(join(folder, 'src'), output), fixMaps(output, join(folder, 'src'))])
      await fixDeclarations(output, entriesOf(folder))
      if (name === 'server') await addDemo(output)
      return output
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Compiles the package, and the sources of others that it imports. */
async function compile(folder: string, work: string): Promise<void> {
  const project = join(work, 'tsconfig.json')
  const options = { extends: join(root, 'packages/tsconfig.build.json'), include: [join(folder, 'src')] }
  await writeFile(project, JSON.stringify(options))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(
    process.execPath,
    // One thread of the compiler does not repeat the work of another, which saves a quarter of its CPU time.
    [compiler, '--singleThreaded', '--project', project, '--outDir', work],
    // Standard output belongs to npm, which prints JSON there.
    { stdio: ['ignore', 2, 2] },
  )
}

/** Copies what the server reads when it runs: templates, styles, scripts. */
async function copyAssets(source: string, output: string): Promise<void> {
  const files = globSync('**/*.*', { cwd: source }).filter(file => !['.ts', '.md'].includes(extname(file)))
  await Promise.all(
    files.map(async file => {
      await mkdir(dirname(join(output, file)), { recursive: true })
      const text = await readFile(join(source, file), 'utf8')
      const built =
        extname(file) === '.js' ? text.replace(/(import\('\.{1,2}\/[^']+)\.ts'\)/g, "$1.js')") : text
      // Fails if the compiler has written a file of this name: `x.js` may not be beside `x.ts`.
      await writeFile(join(output, file), built, { flag: 'wx' })
    }),
  )
}

/** Source maps contain the sources. Their paths are those of the repository, as if `src` were beside `dist`. */
async function fixMaps(output: string, source: string): Promise<void> {
  await Promise.all(
    globSync('**/*.js.map', { cwd: output }).map(async file => {
      const path = join(output, file)
      const map = JSON.parse(await readFile(path, 'utf8'))
      const original = join(source, file.replace(/\.js\.map$/, '.ts'))
      map.sources = [relative(dirname(join(dirname(source), 'dist', file)), original).replaceAll('\\', '/')]
      await writeFile(path, JSON.stringify(map))
    }),
  )
}

/** Keeps the declarations that the entries need, and names files as they are called there. */
async function fixDeclarations(output: string, entries: readonly string[]): Promise<void> {
  const needed = await declarationClosure(output, entries)
  await Promise.all(
    globSync('**/*.d.ts', { cwd: output }).map(async file => {
      const text = needed.get(file)
      await (text === undefined ? rm(join(output, file)) : writeFile(join(output, file), text))
    }),
  )
}

/** The declarations of the package's entries, relative to `dist`. */
function entriesOf(folder: string): readonly string[] {
  const { exports = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    exports?: Exports
  }
  return Object.values(exports).map(({ types }) => types.replace('./dist/', ''))
}

/** The demo configuration, the JSON Schema for editors, and the reasons that `tessera explain` prints. */
async function addDemo(output: string): Promise<void> {
  const schema = 'configuration.schema.json'
  await cp(join(root, 'docs', schema), join(output, schema))
  await cp(join(root, 'docs/reasons.md'), join(output, 'reasons.md'))
  const demo = await readFile(join(root, 'examples/demo/tessera.jsonc'), 'utf8')
  await mkdir(join(output, 'demo'))
  await writeFile(join(output, 'demo/tessera.jsonc'), demo.replace(`../../docs/${schema}`, `../${schema}`))
}
