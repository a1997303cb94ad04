/** Creates a project: reads the arguments, asks for missing ones, writes the files and prints the next steps. */

import { spawnSync } from 'node:child_process'
import { relative, resolve } from 'node:path'
import process from 'node:process'
import { readArguments, usage } from './arguments.ts'
import { nextSteps, projectFiles } from './project.ts'
import { complete } from './questions.ts'
import { createSecrets } from './secrets.ts'
import { checkFolder, writeProject } from './write.ts'

/** Returns the exit code: 0 for success, 1 if the project could not be created, 2 for invalid arguments. */
export async function run(argv: readonly string[]): Promise<number> {
  const read = readArguments(argv)
  if (read.kind === 'help') {
    console.log(usage)
    return 0
  }
  if (read.kind === 'error') {
    console.error(`${read.error}\n\n${usage}`)
    return 2
  }
  const choices = await complete(read.choices)
  if (choices === undefined) return 2
  const folder = resolve(choices.name)
  const error = await checkFolder(folder)
  if (error !== undefined) {
    console.error(error)
    return 1
  }
  const secrets = await createSecrets()
  await writeProject(folder, await projectFiles(choices, secrets))
  const installed = choices.install && install(folder)
  console.log(nextSteps(choices, { folder: relative(process.cwd(), folder) || '.', installed }))
  return choices.install && !installed ? 1 : 0
}

/** Runs `npm install` in the folder. Returns whether it succeeded. */
const install = (folder: string): boolean =>
  spawnSync('npm', ['install', '--no-fund', '--no-audit'], {
    cwd: folder,
    stdio: 'inherit',
    // npm is a script on Windows.
    shell: process.platform === 'win32',
  }).status === 0
