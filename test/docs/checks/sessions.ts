/** Sessions at a terminal: commands after `$ `, each followed by its output. */

export type Step = {
  readonly command: string
  /** Empty: the block does not show it. */
  readonly output: string
}

/** Throws if the first line is no command. */
export function stepsOf(text: string): readonly Step[] {
  const steps: { command: string; output: string[] }[] = []
  const lines = text.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!
    if (!line.startsWith('$ ')) {
      const step = steps.at(-1)
      if (!step) throw new Error(`expected a command after "$ ": ${line}`)
      step.output.push(line)
      continue
    }
    let command = line.slice(2)
    const [, delimiter] = /<<'(\w+)'/.exec(command) ?? []
    while (command.endsWith('\\') || (delimiter && !command.endsWith(`\n${delimiter}`)))
      command += `\n${lines[++index] ?? ''}`
    steps.push({ command, output: [] })
  }
  return steps.map(({ command, output }) => ({ command, output: output.join('\n') }))
}
