/**
 * Reads a password from libpq's password file (PostgreSQL, §34.16), as `psql` does. The driver's own reader is deprecated
 * and prints a warning for each process.
 */

import { homedir } from 'node:os'
import { join } from 'node:path'
import { isOpenToOthers } from '../../runtime/private-file.ts'
import { readRegularFile } from '../../runtime/regular-file.ts'

type Place = {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
}

/** Returns the password of the first line that fits; undefined if there is none, or others may read the file. */
export function passwordOfFile(place: Place): string | undefined {
  const text = readPrivate(process.env.PGPASSFILE || join(homedir(), '.pgpass'))
  for (const line of text.split(/\r?\n/)) {
    const fields = line.startsWith('#') ? [] : fieldsOf(line)
    const [password] = fields.slice(4)
    if (password !== undefined && fits(fields, place)) return password
  }
  return undefined
}

/** Returns the content, or nothing for a missing file and for one that libpq would ignore. */
function readPrivate(file: string): string {
  const reading = readRegularFile(file)
  return reading.ok && !isOpenToOthers(reading) ? reading.bytes.toString('utf8') : ''
}

/** Splits at colons; a backslash escapes a colon or a backslash. */
function fieldsOf(line: string): readonly string[] {
  const fields = ['']
  for (const [, escaped, character = ''] of line.matchAll(/\\([:\\])|([\s\S])/g))
    if (character === ':' && fields.length < 5) fields.push('')
    else fields[fields.length - 1] += escaped ?? character
  return fields
}

function fits(fields: readonly string[], { host, port, database, user }: Place): boolean {
  // libpq looks for the host `localhost` if it connects by a Unix-domain socket.
  const names = [host.startsWith('/') ? 'localhost' : host, String(port), database, user]
  return names.every((name, index) => fields[index] === '*' || fields[index] === name)
}
