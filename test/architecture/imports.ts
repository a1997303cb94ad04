/** The imports of a TypeScript file, read from its text: statements, `import('…')`, and `new URL('…', import.meta.url)`. */

export type Imports = {
  /** As written, in order, including repeated ones. */
  readonly specifiers: readonly string[]
  /** `import(…)` of an expression that is not a literal: its target is unknown. */
  readonly unreadable: number
}

type Token = { readonly kind: 'word' | 'text' | 'sign'; readonly text: string }

export function importsOf(source: string): Imports {
  const tokens = tokensOf(source)
  const specifiers: string[] = []
  let unreadable = 0
  tokens.forEach((token, at) => {
    if (token.kind !== 'word' || tokens[at - 1]?.text === '.') return
    const next = tokens[at + 1]
    const following = tokens[at + 2]
    if (token.text === 'import' && next?.kind === 'text') specifiers.push(next.text)
    else if (token.text === 'import' && next?.text === '(') {
      if (following?.kind === 'text') specifiers.push(following.text)
      else unreadable += 1
    } else if (token.text === 'new' && next?.text === 'URL' && following?.text === '(') {
      const address = tokens[at + 3]
      const base = tokens.slice(at + 4, at + 10).map(({ text }) => text)
      if (address?.kind === 'text' && base.join('').startsWith(',import.meta.url'))
        specifiers.push(address.text)
    } else if (token.text === 'import' || token.text === 'export') {
      const from = fromClause(tokens, at + 1)
      if (from !== undefined) specifiers.push(from)
    }
  })
  return { specifiers, unreadable }
}

/** Returns the specifier after `from`; undefined when no bindings precede it, as in `export const from = '…'`. */
function fromClause(tokens: readonly Token[], start: number): string | undefined {
  for (let at = start; at < tokens.length; at++) {
    const { kind, text } = tokens[at]!
    if (text === 'from' && tokens[at + 1]?.kind === 'text') return tokens[at + 1]?.text
    const binding = kind === 'word' && !declarations.has(text)
    // `import { default as 'text' }` is the only case in which bindings contain a string.
    if (!binding && kind !== 'text' && !'{},*'.includes(text)) return undefined
    if (declarations.has(text)) return undefined
  }
  return undefined
}

const declarations = new Set(['const', 'let', 'var', 'function', 'class', 'interface', 'enum', 'declare'])

/** Words after which a slash begins a regular expression instead of a division. */
const operators = new Set(
  'return typeof case in of void delete instanceof new throw await yield else do'.split(' '),
)

const word = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy
const number = /\d[\w.]*/y
const space = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y
const regularExpression = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y
const templateText = /(?:[^\\`$]|\\[\s\S]|\$(?!\{))*(`|\$\{)/y
const quoted = /'((?:[^'\\\n]|\\[\s\S])*)'|"((?:[^"\\\n]|\\[\s\S])*)"/y

function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = []
  /** For each open `${`: how many braces are open within it. */
  const templates: number[] = []
  let at = 0

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found) at += found[0].length
    return found
  }
  /** Up to the template's end, or into its next `${`. */
  const skipTemplateText = (): void => {
    const end = match(templateText)?.[1]
    if (end === '${') templates.push(0)
  }
  const mayBeginExpression = (): boolean => {
    const last = tokens.at(-1)
    if (!last) return true
    return last.kind === 'word'
      ? operators.has(last.text)
      : last.kind === 'sign' && !')]}'.includes(last.text)
  }

  while (at < source.length) {
    if (match(space)) continue
    const name = match(word)
    if (name) {
      tokens.push({ kind: 'word', text: name[0] })
      continue
    }
    if (match(number)) {
      tokens.push({ kind: 'text', text: '' })
      continue
    }
    const text = match(quoted)
    if (text) {
      tokens.push({ kind: 'text', text: text[1] ?? text[2] ?? '' })
      continue
    }
    if (source[at] === '/' && mayBeginExpression() && match(regularExpression)) {
      tokens.push({ kind: 'sign', text: ')' })
      continue
    }
    const sign = source[at]!
    at += 1
    if (sign === '`') {
      tokens.push({ kind: 'sign', text: ')' })
      skipTemplateText()
      continue
    }
    const open = templates.at(-1)
    if (sign === '{' && open !== undefined) templates[templates.length - 1] = open + 1
    if (sign === '}' && open !== undefined) {
      if (open === 0) {
        templates.pop()
        skipTemplateText()
        continue
      }
      templates[templates.length - 1] = open - 1
    }
    tokens.push({ kind: 'sign', text: sign })
  }
  return tokens
}
