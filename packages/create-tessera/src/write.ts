/** Writes the files of a new project. */

import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export type ProjectFile = {
  readonly content: string
  /** Whether only its owner may read it. */
  readonly secret?: boolean
}

/** Returns an error if the folder is not empty or can't be read; undefined if it is empty or does not exist. */
export async function checkFolder(folder: string): Promise<string | undefined> {
  try {
    const found = await readdir(folder)
    return found.length === 0 ? undefined : `${folder} exists and is not empty`
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    return code === 'ENOTDIR' ? `${folder} is a file` : `${folder}: ${(error as Error).message}`
  }
}

/** Writes the files. Rejects if one of them already exists. */
export async function writeProject(folder: string, files: ReadonlyMap<string, ProjectFile>): Promise<void> {
  for (const [path, { content, secret = false }] of files) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content, { flag: 'wx', mode: secret ? 0o600 : 0o644 })
  }
}
