/**
 * `npm run check:lint` for the files that have changed since they last passed. That is enough because no enabled rule
 * reads other files. The digests of what passed are beside the compiler's build information, and are as disposable.
 */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './processes.ts'

const run = promisify(execFile)
const passedFile = join(root, 'node_modules/.cache/tessera-lint.json')

/** Above this many files, one argument for each costs more than checking all. */
const most = 500

/** Rejects with what Biome reports. */
export async function lintChangedFiles(): Promise<void> {
  const digests = await digestsOfFiles()
  const passed = new Set(await readPassed())
  const changed = [...digests].filter(([, digest]) => !passed.has(digest)).map(([file]) => file)
  if (changed.length === 0) return
  const files = changed.length > most ? ['.'] : changed
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  await run(
    process.execPath,
    [biome, 'check', '--error-on-warnings', '--no-errors-on-unmatched', '--', ...files],
    { cwd: root, maxBuffer: 16 * 1024 * 1024 },
  )
  await mkdir(dirname(passedFile), { recursive: true })
  await writeFile(passedFile, JSON.stringify([...digests.values()]))
}

/** Each digest covers the file's path and content, the settings, and Biome's version. */
async function digestsOfFiles(): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await run('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 16 * 1024 * 1024,
  })
  const settings = await Promise.all(
    ['biome.json', '.gitignore', 'package.json', 'node_modules/@biomejs/biome/package.json'].map(file =>
      readFile(join(root, file)),
    ),
  )
  const digests = new Map<string, string>()
  for (const file of new Set(stdout.split('\0').filter(Boolean))) {
    const content = await readFile(join(root, file)).catch(() => undefined)
    // Deleted, but not yet in the index.
    if (!content) continue
    const hash = createHash('sha256')
    for (const part of [...settings, Buffer.from(file), content]) hash.update(`${part.length}:`).update(part)
    digests.set(file, hash.digest('base64'))
  }
  return digests
}

const readPassed = async (): Promise<readonly string[]> => {
  try {
    return JSON.parse(await readFile(passedFile, 'utf8'))
  } catch {
    return []
  }
}
