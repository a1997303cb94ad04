/** A reader of shell commands, as far as the documentation uses the shell (POSIX.1-2024, Shell Command Language). */

export type Command = {
  /** Assignments before the command. */
  readonly variables: Readonly<Record<string, string>>
  /** Without quotes. Variables and substitutions stay as they are written. */
  readonly words: readonly string[]
  /** The here-document. */
  readonly input?: string
  /** The file of `<`. */
  readonly inputFile?: string
  /** Whether the command before this one writes to its standard input. */
  readonly isPiped: boolean
}

type Token = { readonly operator: string } | { readonly word: string }

/** Returns the commands of a script, in order. Throws if it can't be read. */
export function commandsIn(script: string): readonly Command[] {
  const commands: Command[] = []
  const lines = script.replaceAll('\\\n', ' ').split('\n')
  for (let index = 0; index < lines.length; index++) {
    const tokens = tokensOf(lines[index]!)
    const read: Command[] = []
    let rest = tokens
    let isPiped = false
    while (rest.length > 0) {
      const end = rest.findIndex(token => 'operator' in token && /^(?:&&|\|\|?|;)$/.test(token.operator))
      const own = end === -1 ? rest : rest.slice(0, end)
      if (own.length === 0) throw new Error(`a command is missing: ${lines[index]}`)
      read.push(commandOf(own, isPiped))
      const [separator] = end === -1 ? [] : rest.slice(end)
      isPiped = separator !== undefined && 'operator' in separator && separator.operator === '|'
      rest = end === -1 ? [] : rest.slice(end + 1)
    }
    const here = tokens.findIndex(token => 'operator' in token && token.operator === '<<')
    if (here === -1) {
      commands.push(...read)
      continue
    }
    const delimiter = wordOf(tokens[here + 1])
    const end = lines.indexOf(delimiter, index + 1)
    if (end === -1) throw new Error(`the here-document ${delimiter} does not end`)
    const input = lines.slice(index + 1, end).join('\n')
    commands.push(...read.map((command, at) => (at === read.length - 1 ? { ...command, input } : command)))
    index = end
  }
  return commands
}

function commandOf(tokens: readonly Token[], isPiped: boolean): Command {
  const words: string[] = []
  const variables: Record<string, string> = {}
  let inputFile: string | undefined
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]!
    if ('operator' in token) {
      const file = wordOf(tokens[++index])
      if (token.operator === '<') inputFile = file
      continue
    }
    const [, name, value] = /^([A-Z_][A-Z0-9_]*)=(.*)$/s.exec(token.word) ?? []
    if (name !== undefined && words.length === 0) variables[name] = value!
    else words.push(token.word)
  }
  return { variables, words, isPiped, ...(inputFile !== undefined && { inputFile }) }
}

function wordOf(token: Token | undefined): string {
  if (!token || !('word' in token)) throw new Error('a file name is missing after a redirection')
  return token.word
}

const patterns = {
  space: /[ \t]+/y,
  comment: /#.*/y,
  operator: /&&|\|\|?|;|<<|<|\d?>>?(?:&\d)?/y,
  part: /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|(\$\([^()]*\))|([^\s'"\\|;<>&#]+|#|&(?!&))/y,
} as const

function tokensOf(line: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  const next = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(line)
    if (found) at = pattern.lastIndex
    return found
  }
  while (at < line.length) {
    if (next(patterns.space)) continue
    if (line[at] === '#') break
    const operator = next(patterns.operator)
    if (operator) {
      // `2>&1` names no file.
      if (!operator[0].includes('&') || operator[0] === '&&') tokens.push({ operator: operator[0] })
      continue
    }
    let word: string | undefined
    for (let part = next(patterns.part); part; part = next(patterns.part))
      word = (word ?? '') + (part[1] ?? part[2] ?? part[3] ?? part[4] ?? part[5])
    if (word === undefined) throw new Error(`can't read "${line.slice(at)}"`)
    tokens.push({ word })
  }
  return tokens
}
