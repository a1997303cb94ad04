/** Runs the commands of a guide: those of `tessera` in this process, which is cheaper, and all others in a shell. */

import { execFile } from 'node:child_process'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { run } from '../../packages/server/src/cli/program.ts'
import { readText } from './repository.ts'

const execute = promisify(execFile)

/** Returns the lines of the code block after the comment `<!-- name -->`, with placeholders replaced. */
export function commandsOf(
  guide: string,
  name: string,
  placeholders: Readonly<Record<string, string>> = {},
): readonly string[] {
  const [, block] = new RegExp(`<!-- ${name} -->\n\`\`\`sh\n([\\s\\S]*?)\n\`\`\``).exec(readText(guide)) ?? []
  if (block === undefined) throw new Error(`${guide} has no block ${name}`)
  return block
    .split('\n')
    .map(line => Object.entries(placeholders).reduce((text, [from, to]) => text.replaceAll(from, to), line))
}

/** Runs one command in the working directory. Resolves to its output. Rejects if it fails. */
export async function runCommand(line: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  if (!line.startsWith('tessera ')) {
    const { stdout } = await execute('sh', ['-ec', line], { env: { ...process.env, ...environment } })
    return stdout
  }
  const { code, output } = await captureCommand(line)
  if (code !== 0) throw new Error(`${line} ended with ${code}: ${output}`)
  return output
}

/** Runs a command of `tessera` in this process. Resolves to its exit code and output. */
export const captureCommand = (line: string): Promise<{ code: number; output: string }> =>
  captureWords(line.split(' ').slice(1))

/** The same, with `input` on standard input. */
export async function captureWords(
  words: readonly string[],
  input = '',
): Promise<{ code: number; output: string }> {
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin')!
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(input)]), configurable: true })
  try {
    return await captured(() => run(words))
  } finally {
    Object.defineProperty(process, 'stdin', stdin)
  }
}

/** Collects what is written to standard output and standard error meanwhile. */
async function captured(work: () => Promise<number>): Promise<{ code: number; output: string }> {
  let output = ''
  const streams = [process.stdout, process.stderr].map(stream => ({ stream, write: stream.write }))
  for (const { stream, write } of streams)
    stream.write = ((chunk: string | Uint8Array, ...rest: any[]) => {
      // The test runner reports to its parent in bytes.
      if (typeof chunk !== 'string') return write.call(stream, chunk, ...rest)
      output += chunk
      return true
    }) as typeof stream.write
  try {
    return { code: await work(), output }
  } finally {
    for (const { stream, write } of streams) stream.write = write
  }
}
