/** `npm test`: the checks, then every test. Ends with the test runner's own closing lines; fails if anything failed. */

import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

const checks: readonly (readonly [what: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '-p', '.'],
  ['lint and format', 'biome', 'check', '--error-on-warnings', '.'],
  ['unused code', 'knip'],
]

const run = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0

const failed = checks
  .filter(([what, command, ...args]) => {
    console.log(`check: ${what}`)
    return !run(command, args)
  })
  .map(([what]) => what)

if (failed.length > 0) console.error(`checks failed, and so this run will: ${failed.join(', ')}`)

const files = globSync(['test/**/*.test.ts', 'packages/*/src/**/*.test.ts'], { cwd: root }).toSorted()
const passed = run(process.execPath, ['--test', '--test-concurrency=2', '--test-reporter=spec', ...files])
process.exitCode = passed && failed.length === 0 ? 0 : 1
