/** Reads a secret from standard input. Other users of the machine could read an argument. */

import { text } from 'node:stream/consumers'

/**
 * Resolves to standard input without one line break at its end. At a terminal, shows the prompt and reads one line without
 * echo.
 */
export async function readSecret(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, '')
  process.stderr.write(`${prompt}: `)
  const { createInterface } = await import('node:readline')
  const { Writable } = await import('node:stream')
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true })
  const secret = await new Promise<string>(resolve => {
    lines.once('line', resolve)
    lines.once('close', () => resolve(''))
  })
  lines.close()
  process.stderr.write('\n')
  return secret
}
