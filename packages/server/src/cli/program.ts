/** Commands and their options. The code of a command is imported when it runs. */

import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { endSoon, guardStandardOutput, outputFailure } from '../operations/output/standard-output.ts'
import type {
  AddUserFlags,
  BackupFlags,
  ExitCode,
  IssuerFlags,
  KeyFlags,
  MembershipFlags,
  NamedUserFlags,
  RenameUserFlags,
  ServeFlags,
  SessionFlags,
  SetPasswordFlags,
  TransferFlags,
  UserFlags,
} from './command.ts'

export async function run(words: readonly string[]): Promise<ExitCode> {
  guardStandardOutput()
  let code: ExitCode = 0
  const does =
    <Arguments extends unknown[]>(command: (...given: Arguments) => Promise<ExitCode>) =>
    async (...given: Arguments): Promise<void> => {
      code = await command(...given)
    }
  try {
    await programOf(does)
      .parseAsync(words, { from: 'user' })
      .catch((error: unknown) => {
        // Help and the version are printed already.
        if (!(error instanceof CommanderError && error.exitCode === 0)) throw error
      })
    // A stream emits its errors after the promises of this tick have settled.
    await new Promise(setImmediate)
    const incomplete = isServer(words) ? undefined : outputFailure()
    if (incomplete === undefined) return code
    process.stderr.write(`tessera: standard output: ${incomplete}\n`)
    return 1
  } catch (error) {
    if (error instanceof CommanderError) return 2
    // A failed operation: a port in use, a file that can't be written, a wrong master key.
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
    process.stderr.write(`tessera: ${message}\n${process.env.TESSERA_DEBUG ? `${stack}\n` : ''}`)
    return 1
  } finally {
    // A supervisor must notice that the server did not start, even if nothing reads the output.
    if (isServer(words)) endSoon(2000)
  }
}

/** A server keeps running even if its output is not read. */
const isServer = ([command]: readonly string[]): boolean => command === 'serve' || command === 'demo'

type Does = <Arguments extends unknown[]>(
  command: (...given: Arguments) => Promise<ExitCode>,
) => (...given: Arguments) => Promise<void>

function programOf(does: Does): Command {
  const program = new Command('tessera')
    .description('An OpenID Connect and OAuth 2.0 server')
    .version(version(), '-v, --version')
    .showHelpAfterError('(see tessera --help)')
    .exitOverride()

  program
    .command('serve')
    .description('serve a configuration')
    .addOption(configOption())
    .option('--port <number>', 'port to listen on; 0 for any free port')
    .option('--host <address>', 'address to listen on; 0.0.0.0 for all')
    .option('--workers <number>', 'worker processes on the port (default: one per core)')
    .action(does(async (options: ServeFlags) => (await import('./serve.ts')).serve(options)))

  program
    .command('demo')
    .description('serve the demo and print requests to try')
    .option('--port <number>', 'port to listen on', '5080')
    .action(does(async (options: { port: string }) => (await import('./demo.ts')).demo(options)))

  const config = program.command('config').description('check configuration files')
  config
    .command('check')
    .description('report every error in a configuration')
    .argument('<file>')
    .action(does(async (file: string) => (await import('./config.ts')).check(file)))
  config
    .command('schema')
    .description('print the JSON Schema of configuration files')
    .action(does(async () => (await import('./config.ts')).schema()))

  program
    .command('migrate')
    .description('migrate the stores to the schema of this version; serve does this too')
    .addOption(configOption())
    .action(does(async (options: { config: string }) => (await import('./migrate.ts')).migrate(options)))

  const keys = program.command('keys').description('manage signing keys')
  keys
    .command('list')
    .description('list the signing keys')
    .addOption(configOption())
    .addOption(tenantOption())
    .action(does(async (options: KeyFlags) => (await import('./keys.ts')).list(options)))
  keys
    .command('rotate')
    .description('create new signing keys')
    .addOption(configOption())
    .addOption(tenantOption())
    .option('--now', 'sign with them as soon as every node publishes them')
    .action(does(async (options: KeyFlags) => (await import('./keys.ts')).rotate(options)))

  const sessions = program.command('sessions').description("manage users' sessions")
  sessions
    .command('list')
    .description('list the sessions of a user')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: SessionFlags) => (await import('./sessions.ts')).list(options)))
  sessions
    .command('end')
    .description('end a session or all sessions of a user; a running server notifies the clients')
    .addOption(configOption())
    .addOption(tenantOption())
    .option('--sid <sid>', 'session to end')
    .option('--user <sub>', 'sub of the user whose sessions end')
    .action(does(async (options: SessionFlags) => (await import('./sessions.ts')).end(options)))

  const users = program.command('users').description('manage users')
  users
    .command('list')
    .description('list stored users')
    .addOption(configOption())
    .addOption(tenantOption())
    .action(does(async (options: IssuerFlags) => (await import('./users.ts')).list(options)))
  users
    .command('add')
    .description('add a user; the password is read from standard input')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--username <name>', 'name to sign in with')
    .option('--in-tenant <name>', "tenant of the user, which shares the server's issuer")
    .option('--email <address>', 'email address')
    .option('--email-verified', 'the email address is verified')
    .option('--sub <sub>', 'sub (default: a random one)')
    .option('--claims <json>', 'additional claims as a JSON object')
    .option('--group <name...>', 'groups of the user')
    .option('--role <name...>', 'roles of the user')
    .option('--password-hash', 'standard input contains a password hash of another server')
    .option('--no-password', 'without a password')
    .action(does(async (options: AddUserFlags) => (await import('./users.ts')).add(options)))
  users
    .command('set-password')
    .description("set a user's password, read from standard input, and end their sessions")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .option('--password-hash', 'standard input contains a password hash of another server')
    .action(does(async (options: SetPasswordFlags) => (await import('./users.ts')).setPassword(options)))
  users
    .command('set-groups')
    .description("replace a user's groups")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .option('--group <name...>', 'groups of the user from now on')
    .option('--none', 'the user is in no group')
    .action(does(async (options: MembershipFlags) => (await import('./users.ts')).setGroups(options)))
  users
    .command('set-roles')
    .description("replace a user's roles")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .option('--role <name...>', 'roles of the user from now on')
    .option('--none', 'the user has no role')
    .action(does(async (options: MembershipFlags) => (await import('./users.ts')).setRoles(options)))
  users
    .command('rename')
    .description('change the name that a user signs in with')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .requiredOption('--username <name>', 'new name')
    .action(does(async (options: RenameUserFlags) => (await import('./users.ts')).rename(options)))
  users
    .command('delete')
    .description('delete a user with all their data, sessions and tokens')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: NamedUserFlags) => (await import('./users.ts')).remove(options)))
  users
    .command('disable')
    .description('disable a user, and end their sessions and tokens')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: NamedUserFlags) => (await import('./users.ts')).disable(options)))
  users
    .command('enable')
    .description('enable a user again')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: NamedUserFlags) => (await import('./users.ts')).enable(options)))
  users
    .command('reset-mfa')
    .description("remove a user's second factors, passkeys and recovery codes")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: UserFlags) => (await import('./reset-mfa.ts')).resetMfa(options)))

  program
    .command('export')
    .description('write the contents of the stores to a file; servers may keep running')
    .addOption(configOption())
    .requiredOption('--to <file>', 'file to create')
    .option('--kind <name...>', 'kinds of data to export (default: all)')
    .action(
      does(async (options: TransferFlags & { to: string }) =>
        (await import('./transfer.ts')).exportTo(options),
      ),
    )
  program
    .command('import')
    .description('fill the stores from an export, or from another store whose servers are stopped')
    .addOption(configOption())
    .requiredOption('--from <file>', 'export file, sqlite:FILE or postgres://…')
    .option('--kind <name...>', 'kinds of data to import (default: all)')
    .action(
      does(async (options: TransferFlags & { from: string }) =>
        (await import('./transfer.ts')).importFrom(options),
      ),
    )
  program
    .command('backup')
    .description('copy the files of an SQLite store; servers may keep running')
    .addOption(configOption())
    .requiredOption('--to <folder>', 'folder for the copies')
    .action(does(async (options: BackupFlags) => (await import('./transfer.ts')).backUp(options)))

  program
    .command('hash-secret')
    .description('hash a secret from standard input, for a configuration')
    .option('--argon2id', 'use a slow hash, for passwords and secrets that people choose')
    .action(
      does(async (options: { argon2id?: boolean }) => (await import('./hash-secret.ts')).hashSecret(options)),
    )
  return program
}

const configOption = (): Option =>
  new Option(
    '-c, --config <file>',
    'configuration file: .json, .jsonc, .yaml, .yml, .js, .mjs, .ts, .mts',
  ).makeOptionMandatory()

const tenantOption = (): Option =>
  new Option('--tenant <name>', "tenant with its own issuer (default: the server's issuer)")

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version
