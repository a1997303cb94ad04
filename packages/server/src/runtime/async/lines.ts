/**
 * Splits a text at line feeds only. `node:readline` also ends lines at U+2028 and U+2029, which JSON texts contain unescaped
 * (RFC 8259 §7).
 */

/** Characters. The rows of an export and the records of an audit log are far shorter. */
const longest = 64 * 1024 * 1024

/**
 * Yields the lines of the text, without their ends. An empty last line is omitted. Rejects if a line has more than
 * `most` characters, because it would fill the memory.
 */
export async function* linesOf(chunks: AsyncIterable<string>, most = longest): AsyncGenerator<string> {
  // Joined once: joining after each chunk would take quadratic time.
  let parts: string[] = []
  let waiting = 0
  for await (const chunk of chunks) {
    const [first = '', ...more] = chunk.split('\n')
    parts.push(first)
    waiting += first.length
    if (waiting > most) throw new Error(`a line has more than ${most} characters`)
    const last = more.pop()
    if (last === undefined) continue
    yield withoutReturn(parts.join(''))
    for (const line of more) yield withoutReturn(line)
    parts = [last]
    waiting = last.length
  }
  const rest = parts.join('')
  if (rest !== '') yield withoutReturn(rest)
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line)
