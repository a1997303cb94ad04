/**
 * Splits a text at line feeds only. `node:readline` also ends lines at U+2028 and U+2029, which JSON texts contain unescaped
 * (RFC 8259 §7).
 */

/** Yields the lines of the text, without their ends. An empty last line is omitted. */
export async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield withoutReturn(line)
  }
  if (rest !== '') yield withoutReturn(rest)
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line)
