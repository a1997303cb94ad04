/** Creates a project: reads the arguments, asks for the rest, writes the files and says what to do next. */

import { spawnSync } from 'node:child_process'
import { relative, resolve } from 'node:path'
import process from 'node:process'
import { readArguments, usage } from './arguments.ts'
import { nextSteps, projectFiles } from './project.ts'
import { complete } from './questions.ts'
import { createSecrets } from './secrets.ts'
import { folderFault, writeProject } from './write.ts'

/** Returns the exit code: 0 for success, 1 if the project could not be written, 2 for wrong usage. */
export async function run(argv: readonly string[]): Promise<number> {
  const read = readArguments(argv)
  if (read.kind === 'help') {
    console.log(usage)
    return 0
  }
  if (read.kind === 'fault') {
    console.error(`${read.fault}\n\n${usage}`)
    return 2
  }
  const choices = await complete(read.choices)
  if (choices === undefined) return 2
  const folder = resolve(choices.name)
  const fault = await folderFault(folder)
  if (fault !== undefined) {
    console.error(fault)
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
