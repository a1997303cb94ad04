/**
 * Says what an error of the system or of the database means, where it is, and how to fix it. Other errors keep their
 * message, because the code that throws them has written it for operators.
 */

import { type Diagnostic, formatDiagnostic } from '../configuration/diagnostic.ts'

type SystemError = {
  readonly code?: unknown
  readonly syscall?: unknown
  readonly path?: unknown
  readonly address?: unknown
  readonly port?: unknown
  readonly hostname?: unknown
  readonly severity?: unknown
  readonly errcode?: unknown
  readonly message?: unknown
}

type Explanation = Pick<Diagnostic, 'problem' | 'expected' | 'fix'>
const says = (problem: string, expected: string, fix: string): Explanation => ({ problem, expected, fix })

const listening: Readonly<Record<string, Explanation>> = {
  EADDRINUSE: says(
    'another process listens there',
    'a free port',
    'stop that process (ss -ltnp shows it), or choose another port with --port',
  ),
  EACCES: says(
    'this user may not listen on this port',
    'a port from 1024 on, or the capability CAP_NET_BIND_SERVICE',
    'choose a port with --port and put a proxy in front, or grant the capability',
  ),
  EADDRNOTAVAIL: says(
    'this machine does not have this address',
    'an address of this machine',
    'correct --host; 0.0.0.0 listens on all addresses',
  ),
}

const unknownHost = says(
  'this host name is unknown',
  'a name that this machine can resolve',
  'correct the name, or check the DNS of this machine',
)

const files: Readonly<Record<string, Explanation>> = {
  ENOENT: says('there is no such file or folder', 'an existing path', 'create it, or correct the path'),
  EACCES: says(
    'this user may not use it',
    'a file of the user that runs the server',
    'change its owner or mode',
  ),
  EPERM: says(
    'this user may not use it',
    'a file of the user that runs the server',
    'change its owner or mode',
  ),
  EROFS: says('its file system is read-only', 'a writable file system', 'choose another place in "storage"'),
  EISDIR: says('it is a folder', 'a file', 'add the name of a file to the path'),
  ENOTDIR: says('a part of the path is a file', 'a folder', 'correct the path'),
  ENOSPC: says('the disk is full', 'free space', 'free space on the disk'),
  EMFILE: says('too many files are open', 'a higher limit', 'raise the limit (ulimit -n, LimitNOFILE)'),
}

/** By SQLite's primary result codes (https://sqlite.org/rescode.html). */
const sqlite: Readonly<Record<number, Explanation>> = {
  5: says('another process holds a lock', 'a database that this server may write', 'stop the other process'),
  8: says('it is read-only', 'a file that this user may write', 'change its owner or mode'),
  10: says(
    'the disk can not be read or written',
    'an intact disk with free space',
    'free space on the disk, or look for its errors in the log of the system',
  ),
  11: says('the database is damaged', 'an intact database', 'restore a backup (docs/guides/backup.md)'),
  13: says('the disk is full', 'free space', 'free space on the disk'),
  14: says(
    'it can not be opened',
    'a file that this user may read and write, in an existing folder',
    'correct the path, its owner or its mode',
  ),
  26: says('it is not an SQLite database', 'a database of Tessera, or no file', 'correct "storage"'),
}

const failing = says(
  'SQLite reported an error',
  'a database that it can read',
  'look up the error at https://sqlite.org/rescode.html, or restore a backup (docs/guides/backup.md)',
)

const unreachable = says(
  'the database does not respond',
  'a PostgreSQL server at this address',
  'start it, or correct the host and port in "storage"',
)
/** A response with a code that is not listed below. */
const refusedByDatabase = says(
  'PostgreSQL reported an error',
  'a database with the tables of this server',
  'look up the error in the log of PostgreSQL',
)
const untrusted = says(
  'the certificate of the database is not trusted',
  'a certificate of a known authority',
  'add sslrootcert=FILE to the address (docs/guides/postgresql.md)',
)

/** By codes of the connection, and by SQLSTATE (PostgreSQL, appendix A). */
const database: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: unreachable,
  ECONNRESET: unreachable,
  ETIMEDOUT: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: says('its certificate has expired', 'a valid certificate', 'renew it'),
  ERR_TLS_CERT_ALTNAME_INVALID: says(
    'its certificate is for another host',
    'a certificate for the host in the address',
    'correct the host, or use a certificate with its name',
  ),
  '28P01': says(
    'the password is wrong',
    "the password of the address's user",
    'correct it in "storage", its file, or PGPASSWORD',
  ),
  '28000': says(
    'this user may not connect',
    'a role that may log in, and a line for it in pg_hba.conf',
    'create the role, or allow it in pg_hba.conf',
  ),
  '3D000': says(
    'there is no such database',
    'an existing database',
    'create it with createdb, or correct the name in "storage"',
  ),
  '42501': says(
    'this user may not create or use the tables',
    'the owner of the database, or a role with CREATE on it',
    'grant it: GRANT CREATE ON DATABASE … TO …',
  ),
  '53300': says(
    'it has too many connections',
    'a free connection',
    'raise max_connections, or lower storage_pool_size and workers',
  ),
  '57P03': says('it is starting or stopping', 'a running server', 'start the server again in a moment'),
  '25006': says('it is read-only', 'the primary', 'write the address of the primary into "storage"'),
}

/** Returns the lines to print for an error that ended a command. */
export function failureText(error: unknown): string {
  const { message } = asError(error)
  const diagnostic = diagnosticOf(error)
  return diagnostic ? formatDiagnostic(diagnostic) : message
}

function diagnosticOf(error: unknown): Diagnostic | undefined {
  const { name, message, cause } = asError(error)
  if (name === 'StoreUnavailable') return ofDatabase(cause)
  const { code, syscall, path, address, port, hostname, errcode, severity } = membersOf(error)
  const known = String(code)
  if (severity !== undefined) return ofDatabase(error)
  if (syscall === 'listen')
    return placed(
      listening[known],
      port === undefined ? String(address) : `${String(address)}:${String(port)}`,
      known,
    )
  if (syscall === 'getaddrinfo') return placed(unknownHost, String(hostname), known)
  if (typeof path === 'string') return placed(files[known], path, known)
  // The store adds the name of the file.
  const [file = ''] = message.split(': ')
  return typeof errcode === 'number'
    ? placed(sqlite[errcode & 0xff], file, message.slice(file.length + 2))
    : undefined
}

/** The server's own message names the user or the database, and never the password. */
const withoutPassword = says(
  'it requires a password, and there is none',
  'a password for this user',
  'add it to "storage", PGPASSWORD, or the file of PGPASSFILE, which no other user may read',
)

/** Returns undefined for a store that refuses by itself, for instance because too many writes wait: its message says why. */
function ofDatabase(cause: unknown): Diagnostic | undefined {
  const [first = cause] = cause instanceof AggregateError ? cause.errors : []
  if (first === undefined || first === null) return undefined
  const { code, address, port, hostname, errcode, severity } = membersOf(first)
  const { message } = asError(first)
  if (typeof errcode === 'number') return placed(sqlite[errcode & 0xff] ?? failing, 'storage', message)
  const place =
    address !== undefined
      ? `${String(address)}:${String(port)}`
      : hostname !== undefined
        ? String(hostname)
        : 'storage'
  if (/password must be a (non-empty )?string/.test(message)) return placed(withoutPassword, place, message)
  const other = severity === undefined ? unreachable : refusedByDatabase
  return placed(database[String(code)] ?? other, place, message)
}

const placed = (
  explanation: Explanation | undefined,
  path: string,
  original: string,
): Diagnostic | undefined =>
  explanation && { path, ...explanation, problem: `${explanation.problem} (${original})` }

/** Any value can be thrown. */
const membersOf = (error: unknown): SystemError => error ?? {}

const asError = (error: unknown): { name: string; message: string; cause?: unknown } =>
  error instanceof Error ? error : { name: '', message: String(error) }
