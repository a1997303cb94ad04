/** Selects test files, and decides which of them share a process. */

import { globSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { longFrom, secondsOf, slowFrom } from './durations.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export type Selection = 'all' | 'fast' | 'interop'

/**
 * Folders with tests that need a database, a browser, processes or minutes, and imports that indicate the same for
 * other files.
 */
const slowFolders = 'bench browser cli contracts create-tessera interop kinds packages reliability'.split(' ')
const slowImports =
  /from '(?:node:child_process'|\.\.?\/(?:\.\.\/)*(?:support\/(?:postgres|process|remote)|cli\/|browser\/|contracts\/|interop\/|reliability\/))/

/** Returns the paths from the root of the files in a selection, in alphabetical order. */
export function selectFiles(selection: Selection): readonly string[] {
  const patterns =
    selection === 'interop'
      ? ['test/interop/*.test.ts']
      : ['test/**/*.test.ts', 'packages/*/src/**/*.test.ts']
  return globSync(patterns, { cwd: root })
    .filter(file => selection !== 'fast' || isFast(file))
    .toSorted()
}

/** The checks of types and style are part of every run. */
const isFast = (file: string): boolean =>
  file.startsWith('test/runner/') || (!isSlow(file) && secondsOf(file) < slowFrom)

/** Returns whether a file needs a database, a browser, processes or minutes. */
export const isSlow = (file: string): boolean =>
  slowFolders.some(folder => file.startsWith(`test/${folder}/`)) || slowImports.test(textOf(file))

/** Matches code that can affect other files in its process. */
const changesProcess =
  /process\.(?:env\.\w+ *(?:\?\?)?= |chdir|umask|on\(|once\(|exit\(|kill\()|mock\.|memoryUsage|global\.?gc|delete process\.env|setFlags|monitorEventLoopDelay|createRequire|stdout\.write *=/

/** Returns whether a file needs its own process. */
const isAlone = (file: string): boolean =>
  secondsOf(file) >= longFrom || (isSlow(file) && changesProcess.test(textOf(file)))

/**
 * Returns the files of each process: those that need their own, and batches of the others. The longest start first, so
 * that none is still running when the others have ended.
 */
export function distribute(files: readonly string[], batches: number): readonly (readonly string[])[] {
  const alone = files.filter(isAlone).map(file => [file])
  const shared = spread(
    files.filter(file => !isAlone(file)),
    batches,
  )
  return [...alone, ...shared].toSorted((one, other) => secondsOfAll(other) - secondsOfAll(one))
}

const secondsOfAll = (files: readonly string[]): number =>
  files.reduce((sum, file) => sum + secondsOf(file), 0)

/** Writes the file that runs these in one process; returns its path. */
export async function writeBatch(folder: string, name: string, files: readonly string[]): Promise<string> {
  const entry = join(folder, `${name}.mjs`)
  const list = files.map(file => ({ name: file, url: pathToFileURL(join(root, file)).href }))
  const one = new URL('one-process.ts', import.meta.url).href
  await writeFile(
    entry,
    `import { describeFiles } from ${JSON.stringify(one)}\ndescribeFiles(${JSON.stringify(list, null, 1)})\n`,
  )
  return entry
}

/** Returns whether a file builds packages, which one process does at a time: several would wait for each other. */
const packs = (file: string): boolean => file.startsWith('test/packages/')

/** Returns lists with similar durations. */
function spread(files: readonly string[], count: number): readonly (readonly string[])[] {
  const together = files.filter(packs)
  const parts = Array.from({ length: count }, (_, index) => {
    const first = index === 0 ? together : []
    return { files: [...first], seconds: secondsOfAll(first) }
  })
  for (const file of files.filter(file => !packs(file)).toSorted(longerFirst)) {
    const least = parts.reduce((best, part) => (part.seconds < best.seconds ? part : best))
    least.files.push(file)
    least.seconds += secondsOf(file)
  }
  return parts.map(part => part.files).filter(part => part.length > 0)
}

const longerFirst = (one: string, other: string): number => secondsOf(other) - secondsOf(one)
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')
