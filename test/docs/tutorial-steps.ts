/**
 * Reads the steps of a tutorial from its page. The words after the language of a code block say what it is:
 * `file=NAME` is a file, `install` are its packages, `run` is a command, `terminal=NAME` is a command that keeps
 * running, and `output` is what the command before it prints, where `…` matches anything. A table with the columns `do`
 * and `see` is for a browser.
 */

export type Step =
  | { readonly kind: 'install'; readonly commands: string }
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'run'; readonly commands: string; readonly output: string }
  | { readonly kind: 'start'; readonly terminal: string; readonly command: string; readonly output: string }
  | { readonly kind: 'browse'; readonly rows: readonly BrowserRow[] }

export type BrowserRow = {
  /** In Markdown: `Open URL.`, `Reload …`, and `Enter … and …`, `Choose **NAME**`. */
  readonly action: string
  /** The texts that the page then shows. */
  readonly texts: readonly string[]
}

export type Section = { readonly title: string; readonly steps: readonly Step[] }

const parts =
  /^```(?<language>\w+)(?: (?<mark>[^\n]+))?\n(?<text>[\s\S]*?)\n```$|^\| do \| see \|\n\|[-|]+\|\n(?<rows>(?:\|.*\n)+)/gm

/** Returns the sections of a page that have steps. Throws for a code block that is not part of one. */
export function sectionsOf(page: string): readonly Section[] {
  return page.split(/^## /m).flatMap(text => {
    const found = [...text.matchAll(parts)].map(({ groups }) => groups!)
    const steps = found.flatMap((part, index): readonly Step[] => {
      if (part.rows !== undefined) return [{ kind: 'browse', rows: rowsOf(part.rows) }]
      const next = found[index + 1]
      const output = next?.mark === 'output' ? next.text! : undefined
      return part.mark === 'output' ? [] : [stepOf(part.mark ?? part.language!, part.text!, output)]
    })
    return steps.length === 0 ? [] : [{ title: text.slice(0, text.indexOf('\n')), steps }]
  })
}

function stepOf(mark: string, text: string, output: string | undefined): Step {
  if (mark === 'install') return { kind: 'install', commands: text }
  const [, key, value] = /^(file|terminal)=(\S+)$/.exec(mark) ?? []
  if (key === 'file') return { kind: 'file', name: value!, text: `${text}\n` }
  if (key !== 'terminal' && mark !== 'run') throw new Error(`unknown code block: ${mark}`)
  if (output === undefined) throw new Error(`expected an output block after: ${text}`)
  return key === 'terminal'
    ? { kind: 'start', terminal: value!, command: text, output }
    : { kind: 'run', commands: text, output }
}

const rowsOf = (rows: string): readonly BrowserRow[] =>
  rows
    .trim()
    .split('\n')
    .map(row => {
      const [, action = '', see = ''] = /^\| (.+?) \| (.+) \|$/.exec(row) ?? []
      const texts = [...see.matchAll(/(?<!\*)\*([^*]+)\*(?!\*)/g)].map(([, shown]) => shown!)
      if (texts.length === 0) throw new Error(`the row names no text in italics: ${row}`)
      return { action, texts }
    })

/** Returns whether a command printed what the page shows. Line ends and spaces at the ends don't count. */
export function prints(expected: string, actual: string): boolean {
  const escaped = expected
    .trim()
    .split('…')
    .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('[\\s\\S]*')}$`, 'i').test(actual.replaceAll('\r', '').trim())
}
