/** Makes a package's tarball of a folder (POSIX.1-1988 ustar, compressed), as a registry stores it. */

import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { gzipSync } from 'node:zlib'

const block = 512

/** Contains every file below `folder` except those in its `node_modules`, under `package/`. */
export async function tarOf(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(file => relative(folder, file).split(sep)[0] !== 'node_modules')
  const parts = await Promise.all(
    files.map(async file => {
      const content = await readFile(file)
      const name = `package/${relative(folder, file).split(sep).join('/')}`
      return [header(name, content.length), content, Buffer.alloc(-content.length & (block - 1))]
    }),
  )
  return gzipSync(Buffer.concat([...parts.flat(), Buffer.alloc(2 * block)]), { level: 1 })
}

function header(path: string, size: number): Buffer {
  const { prefix, name } = splitPath(path)
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`
  const written = Buffer.alloc(block)
  written.write(name, 0, 100)
  written.write(`${octal(0o755, 8)}${octal(0, 8)}${octal(0, 8)}${octal(size, 12)}${octal(0, 12)}`, 100)
  // The checksum counts its own field as spaces.
  written.write('        ', 148)
  written.write('0', 156)
  written.write('ustar\x0000', 257)
  written.write(prefix, 345, 155)
  written.write(
    octal(
      written.reduce((sum, byte) => sum + byte, 0),
      8,
    ),
    148,
  )
  return written
}

/** A name has 100 bytes, and the folders before it 155. */
function splitPath(path: string): { readonly prefix: string; readonly name: string } {
  if (path.length <= 100) return { prefix: '', name: path }
  const at = path.indexOf('/', path.length - 101)
  if (at < 0 || at > 155) throw new Error(`the path is too long for a tarball: ${path}`)
  return { prefix: path.slice(0, at), name: path.slice(at + 1) }
}
