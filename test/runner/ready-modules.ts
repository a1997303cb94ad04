/** The repository's modules without their types, in one file for all processes of a test run. */

import { globSync, readFileSync } from 'node:fs'
import { copyFile, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { root } from './processes.ts'

/** A test file is loaded by one process only, so nothing is saved by including it. */
const patterns = ['packages/*/src/**/*.ts', 'test/*/*.ts']

/** Writes the modules as they are now, and returns the file to preload. */
export async function writeReadyModules(folder: string): Promise<string> {
  const places: Record<string, readonly [start: number, end: number]> = {}
  const texts: Buffer[] = []
  let start = 0
  for (const name of globSync(patterns, { cwd: root, exclude: ['**/*.test.ts'] })) {
    const file = join(root, name)
    const url = pathToFileURL(file).href
    // As Node itself loads them. Threads that preload nothing would otherwise replace them in the compile cache.
    const text = Buffer.from(stripTypeScriptTypes(readFileSync(file, 'utf8'), { sourceUrl: url }))
    places[url] = [start, start + text.length]
    texts.push(text)
    start += text.length
  }
  const preloaded = join(folder, 'ready-modules.cjs')
  await writeFile(join(folder, 'modules.json'), JSON.stringify({ places, packages: exportedSources() }))
  await writeFile(join(folder, 'modules.js'), Buffer.concat(texts))
  await copyFile(fileURLToPath(new URL('ready-modules.cjs', import.meta.url)), preloaded)
  return preloaded
}

type Manifest = {
  readonly name: string
  readonly exports?: Readonly<Record<string, { readonly 'tessera-source'?: string }>>
}

/** Returns the URL of the source behind each specifier that a package of the repository exports. */
function exportedSources(): Record<string, string> {
  const found: Record<string, string> = {}
  for (const path of globSync('packages/*/package.json', { cwd: root })) {
    const file = join(root, path)
    const { name, exports = {} } = JSON.parse(readFileSync(file, 'utf8')) as Manifest
    for (const [subpath, { 'tessera-source': source }] of Object.entries(exports))
      if (source) found[`${name}${subpath.slice(1)}`] = new URL(source, pathToFileURL(file)).href
  }
  return found
}
