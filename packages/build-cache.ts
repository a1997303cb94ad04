/** Keeps what packages/build.ts has built, by a hash of everything that it reads, so that equal builds compile once. */

import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { cp, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The sources of all packages, because they import each other, and what decides how they are compiled. */
const inputs = [
  'packages/*.{ts,json}',
  'packages/*/package.json',
  'packages/*/src/**/*.*',
  'docs/configuration.schema.json',
  'examples/demo/tessera.jsonc',
  'tsconfig.json',
  // Versions of the compiler, and of the types that declarations refer to.
  'package-lock.json',
]

/** Milliseconds after its last use. */
const lifetime = 7 * 24 * 60 * 60 * 1000

/**
 * Copies the build of the package `name` to `target`. If there is none of these sources, `build` makes it first, in a
 * new folder inside `work`, whose path it returns. Processes may do this concurrently. Rejects if a source changes
 * during the build.
 */
export async function copyBuilt(
  { root, name, work, target }: { root: string; name: string; work: string; target: string },
  build: () => Promise<string>,
): Promise<void> {
  const builds = join(root, 'node_modules/.cache/builds')
  const hash = hashOf(root)
  const kept = join(builds, `${name}-${hash}`)
  if (!existsSync(kept)) {
    await mkdir(builds, { recursive: true })
    await removeUnused(builds)
    const built = await build()
    if (hashOf(root) !== hash) throw new Error('a source changed during the build: build the package again')
    // Fails if another process was faster: its build is equal.
    await rename(built, kept).catch(error => {
      if (!existsSync(kept)) throw error
    })
  }
  const now = new Date()
  await utimes(kept, now, now)
  const copy = join(work, 'copy')
  await cp(kept, copy, { recursive: true })
  await rm(target, { recursive: true, force: true })
  await mkdir(dirname(target), { recursive: true })
  // To a folder on another file system it can only be copied.
  await rename(copy, target).catch(() => cp(copy, target, { recursive: true }))
}

function hashOf(root: string): string {
  const hash = createHash('sha256')
  for (const file of globSync(inputs, { cwd: root }).toSorted()) {
    const bytes = readFileSync(join(root, file))
    hash.update(`${file}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex').slice(0, 32)
}

async function removeUnused(builds: string): Promise<void> {
  for (const name of await readdir(builds)) {
    const { mtimeMs } = await stat(join(builds, name))
    if (Date.now() - mtimeMs > lifetime) await rm(join(builds, name), { recursive: true, force: true })
  }
}
