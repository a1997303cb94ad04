/** Runs the commands of a session at a terminal, and compares their output with the one that is shown. */

import { readFileSync } from 'node:fs'
import { captureWords } from '../../support/commands.ts'
import type { Step } from './sessions.ts'
import { commandsIn } from './shell.ts'

/** Values of the variables that commands read. */
const variables: Readonly<Record<string, string>> = {
  $PASSWORD: 'a-long-password-of-dora',
  $SECRET: 'secret',
}

// Each command adds listeners that a process of its own would need only once.
for (const stream of [process, process.stdout, process.stderr]) stream.setMaxListeners(0)

/** Commands that other tests run: they need another server, or don't end. */
const isElsewhere = ([program, command]: readonly string[]): boolean =>
  program !== 'tessera' || command === 'serve' || command === 'doctor'

/**
 * Runs the steps in a folder that has the files that they read. Resolves to the differences. A value that ends in `…`
 * (`sub=PyjGu…`) is replaced by the one in the output, in later commands too.
 */
export async function follow(
  steps: readonly Step[],
  at: (name: string) => string,
): Promise<readonly string[]> {
  const values = new Map<string, string>()
  const differences: string[] = []
  for (const { command, output } of steps) {
    const ran = await execute(command, at, values)
    if (ran === undefined) continue
    if (ran.code !== 0 && output === '')
      return [...differences, `"${command}" ended with ${ran.code}: ${ran.output}`]
    if (output !== '' && !matches(output, ran.output))
      differences.push(`"${command}" prints something else:\n${ran.output.slice(0, 2000)}`)
    for (const [, name, short] of output.matchAll(/\b(\w+)=(\w+…)/g)) {
      const [, value] = new RegExp(`\\b${name}=(\\S+)`).exec(ran.output) ?? []
      if (value) values.set(short!, value)
    }
  }
  return differences
}

async function execute(
  script: string,
  at: (name: string) => string,
  values: ReadonlyMap<string, string>,
): Promise<{ code: number; output: string } | undefined> {
  const read = (name: string): string => readFileSync(at(name), 'utf8')
  let piped = ''
  for (const { words, input, inputFile } of commandsIn(script)) {
    if (words[0] === 'cat') return { code: 0, output: read(words[1]!) }
    if (words[0] === 'printf') {
      piped = variables[words[2]!] ?? ''
      continue
    }
    if (isElsewhere(words)) return undefined
    const given = input ?? (inputFile === undefined ? piped : read(inputFile))
    const own = words
      .slice(1)
      .map(word => values.get(word) ?? (/^[\w-]+\.(?:jsonc?|jsonl|log)$/.test(word) ? at(word) : word))
    const { code, output } = await captureWords(own, given)
    return { code, output: output.replaceAll(at(''), '') }
  }
  throw new Error(`"${script}" has no command`)
}

/** `…` matches any text, and a number any other number. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replaceAll(/([=":])\w+(?=…)/g, '$1')
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/\d+/g, '\\d+')
    .replaceAll('…', '[\\s\\S]*')
  return new RegExp(`^${source}\\n?$`).test(text)
}
