/** Commands and their options. What a command does is imported only when it runs. */

import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { endSoon, guardStandardOutput, outputFailure } from '../operations/output/standard-output.ts'
import type {
  AddUserFlags,
  BackupFlags,
  CarryFlags,
  ExitCode,
  IssuerFlags,
  KeyFlags,
  NamedUserFlags,
  RenameUserFlags,
  ServeFlags,
  SessionFlags,
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
        // Help and the version: what was asked for is printed.
        if (!(error instanceof CommanderError && error.exitCode === 0)) throw error
      })
    // A stream reports its errors after the promises of this tick.
    await new Promise(setImmediate)
    const incomplete = isServer(words) ? undefined : outputFailure()
    if (incomplete === undefined) return code
    process.stderr.write(`tessera: standard output: ${incomplete}\n`)
    return 1
  } catch (error) {
    if (error instanceof CommanderError) return 2
    // Broken surroundings: a port that is taken, a file that can't be written, a master key that does not fit.
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
    process.stderr.write(`tessera: ${message}\n${process.env.TESSERA_DEBUG ? `${stack}\n` : ''}`)
    return 1
  } finally {
    // Whatever starts servers again must learn that this one could not start, even if nobody reads why.
    if (isServer(words)) endSoon(2000)
  }
}

/** A server goes on when nobody reads what it prints. */
const isServer = ([command]: readonly string[]): boolean => command === 'serve' || command === 'demo'

type Does = <Arguments extends unknown[]>(
  command: (...given: Arguments) => Promise<ExitCode>,
) => (...given: Arguments) => Promise<void>

function programOf(does: Does): Command {
  const program = new Command('tessera')
    .description('An OpenID Connect and OAuth 2.0 server')
    .version(version(), '-v, --version')
    .showHelpAfterError('(tessera --help tells more)')
    .exitOverride()

  program
    .command('serve')
    .description('serve a configuration')
    .addOption(configOption())
    .option('--port <number>', 'port to listen on; 0: any free one')
    .option('--host <address>', 'address to listen on; 0.0.0.0: all')
    .option('--workers <number>', 'processes that share the port; omitted: one for each core')
    .action(does(async (options: ServeFlags) => (await import('./serve.ts')).serve(options)))

  program
    .command('demo')
    .description('serve the demo and print requests to try')
    .option('--port <number>', 'port to listen on', '5080')
    .action(does(async (options: { port: string }) => (await import('./demo.ts')).demo(options)))

  const config = program.command('config').description('look after configuration files')
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
    .description('bring the store to the schema of this version; serve does so too')
    .addOption(configOption())
    .action(does(async (options: { config: string }) => (await import('./migrate.ts')).migrate(options)))

  const keys = program.command('keys').description('look after the signing keys')
  keys
    .command('list')
    .description('list the signing keys')
    .addOption(configOption())
    .addOption(tenantOption())
    .action(does(async (options: KeyFlags) => (await import('./keys.ts')).list(options)))
  keys
    .command('rotate')
    .description('make new signing keys')
    .addOption(configOption())
    .addOption(tenantOption())
    .option('--now', 'sign with them as soon as every node publishes them')
    .action(does(async (options: KeyFlags) => (await import('./keys.ts')).rotate(options)))

  const sessions = program.command('sessions').description("look after users' sessions")
  sessions
    .command('list')
    .description('list where a user is signed in')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'the user, by sub')
    .action(does(async (options: SessionFlags) => (await import('./sessions.ts')).list(options)))
  sessions
    .command('end')
    .description('end a session, or all of a user; a running server tells the clients')
    .addOption(configOption())
    .addOption(tenantOption())
    .option('--sid <sid>', 'this session')
    .option('--user <sub>', 'all sessions of this user, by sub')
    .action(does(async (options: SessionFlags) => (await import('./sessions.ts')).end(options)))

  const users = program.command('users').description('look after users')
  users
    .command('list')
    .description('list the users who are kept in the store')
    .addOption(configOption())
    .addOption(tenantOption())
    .action(does(async (options: IssuerFlags) => (await import('./users.ts')).list(options)))
  users
    .command('add')
    .description('add a user; the password is read from standard input')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--username <name>', 'what the user signs in with')
    .option('--in-tenant <name>', "of this tenant that shares the server's issuer")
    .option('--email <address>', 'the address')
    .option('--email-verified', 'the address is known to be theirs')
    .option('--sub <sub>', 'the sub; omitted: a random one')
    .option('--claims <json>', 'more claims, as a JSON object')
    .option('--no-password', 'without a password')
    .action(does(async (options: AddUserFlags) => (await import('./users.ts')).add(options)))
  users
    .command('set-password')
    .description("set a user's password, read from standard input; their sessions end")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'the user, by sub')
    .action(does(async (options: NamedUserFlags) => (await import('./users.ts')).setPassword(options)))
  users
    .command('rename')
    .description('give a user another name to sign in with')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'the user, by sub')
    .requiredOption('--username <name>', 'the new name')
    .action(does(async (options: RenameUserFlags) => (await import('./users.ts')).rename(options)))
  users
    .command('delete')
    .description('delete a user, with all that is theirs; their sessions and tokens end')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'the user, by sub')
    .action(does(async (options: NamedUserFlags) => (await import('./users.ts')).remove(options)))
  users
    .command('disable')
    .description('keep a user out; their sessions and tokens end')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'the user, by sub')
    .action(does(async (options: NamedUserFlags) => (await import('./users.ts')).disable(options)))
  users
    .command('enable')
    .description('let a user in again')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'the user, by sub')
    .action(does(async (options: NamedUserFlags) => (await import('./users.ts')).enable(options)))
  users
    .command('reset-mfa')
    .description("take a user's second factors, passkeys and recovery codes away, when they are lost")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'the user, by sub')
    .action(does(async (options: UserFlags) => (await import('./reset-mfa.ts')).resetMfa(options)))

  program
    .command('export')
    .description('write what the stores hold to a file; servers may go on')
    .addOption(configOption())
    .requiredOption('--to <file>', 'the file to make')
    .option('--noun <name...>', 'these nouns; omitted: all')
    .action(
      does(async (options: CarryFlags & { to: string }) => (await import('./transfer.ts')).exportTo(options)),
    )
  program
    .command('import')
    .description('fill the stores from an export, or from another store whose servers are stopped')
    .addOption(configOption())
    .requiredOption('--from <file>', 'an export, sqlite:FILE or postgres://…')
    .option('--noun <name...>', 'these nouns; omitted: all that are there')
    .action(
      does(async (options: CarryFlags & { from: string }) =>
        (await import('./transfer.ts')).importFrom(options),
      ),
    )
  program
    .command('backup')
    .description('copy the files of an embedded store; servers may go on')
    .addOption(configOption())
    .requiredOption('--to <folder>', 'where the copies go')
    .action(does(async (options: BackupFlags) => (await import('./transfer.ts')).backUp(options)))

  program
    .command('hash-secret')
    .description('hash a secret from standard input for a configuration')
    .option('--argon2id', 'slow hash, for passwords and secrets that people chose')
    .action(
      does(async (options: { argon2id?: boolean }) => (await import('./hash-secret.ts')).hashSecret(options)),
    )
  return program
}

const configOption = (): Option =>
  new Option(
    '-c, --config <file>',
    'configuration: .json, .jsonc, .yaml, .yml, .js, .mjs, .ts, .mts',
  ).makeOptionMandatory()

const tenantOption = (): Option =>
  new Option('--tenant <name>', "of this tenant's own issuer; omitted: of the server's")

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version
