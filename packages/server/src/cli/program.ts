/** Commands and their options. The code of a command is imported when it runs. */

import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { Command, CommanderError } from 'commander'
import {
  endSoon,
  guardStandardOutput,
  outputFailure,
  writeError,
} from '../operations/output/standard-output.ts'
import { type Origin, withOrigin } from '../runtime/async/origin.ts'
import type { ExitCode } from './command.ts'
import { addAuditCommands } from './commands/audit.ts'
import { addClientCommands } from './commands/clients.ts'
import { addConfigurationCommands } from './commands/configuration.ts'
import { addEntryCommands } from './commands/entries.ts'
import { addKeyCommands } from './commands/keys.ts'
import { addMailCommands } from './commands/mail.ts'
import type { Does } from './commands/options.ts'
import { addServerCommands } from './commands/servers.ts'
import { addSessionCommands } from './commands/sessions.ts'
import { addStoreCommands } from './commands/stores.ts'
import { addUserCommands } from './commands/users.ts'

export async function run(words: readonly string[]): Promise<ExitCode> {
  guardStandardOutput()
  let code: ExitCode = 0
  const does =
    <Arguments extends unknown[]>(command: (...given: Arguments) => Promise<ExitCode>) =>
    async (...given: Arguments): Promise<void> => {
      code = await command(...given)
    }
  try {
    const program = programOf(does)
    const parsed = () => program.parseAsync(words, { from: 'user' })
    const running = isServer(words) ? parsed() : withOrigin(originOf(program, words), parsed)
    await running.catch((error: unknown) => {
      // Help and the version are printed already.
      if (!(error instanceof CommanderError && error.exitCode === 0)) throw error
    })
    // A stream emits its errors after the promises of this tick have settled.
    await new Promise(setImmediate)
    const incomplete = isServer(words) ? undefined : outputFailure()
    if (incomplete === undefined) return code
    writeError(`tessera: standard output: ${incomplete}\n`)
    return 1
  } catch (error) {
    if (error instanceof CommanderError) return 2
    // A failed operation: a port in use, a file that can't be written, a wrong master key.
    const { failureText } = await import('./failure.ts')
    const stack = error instanceof Error ? error.stack : undefined
    writeError(`tessera: ${failureText(error)}\n${process.env.TESSERA_DEBUG ? `${stack}\n` : ''}`)
    return 1
  } finally {
    // A supervisor must notice that the server did not start, even if nothing reads the output.
    if (isServer(words)) endSoon(2000)
  }
}

/** A server keeps running even if its output is not read. */
const isServer = ([command]: readonly string[]): boolean => command === 'serve' || command === 'demo'

/** Commands that change nothing. */
const reading =
  /(^(audit (export|key|verify)|config|doctor|explain|hash-secret)\b| (list|blocked|find|get|show)$)/

/** Who runs the command, for the audit log. */
function originOf(program: Command, words: readonly string[]): Origin {
  const group = program.commands.find(one => one.name() === words[0])
  const verb = group?.commands.find(one => one.name() === words[1])
  const command = words.slice(0, (group?.commands.length ?? 0) > 0 ? 2 : 1).join(' ')
  // Only those that the command declares: a value may begin with a hyphen too.
  const declared = new Set((verb ?? group)?.options.flatMap(({ short, long }) => [short, long]))
  const options = words.flatMap(word => {
    const [name] = /^(--[^=]*|-.)/.exec(word) ?? []
    return name !== undefined && declared.has(name) ? [name] : []
  })
  return {
    actor: { kind: 'command_line', command, os_user: accountName() },
    ...(!reading.test(command) && { options }),
  }
}

/** A container may run as a user without a name. */
function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/** Returns the commands; `does` decides what runs them. */
export function programOf(does: Does): Command {
  const program = new Command('tessera')
    .description('An OpenID Connect and OAuth 2.0 server')
    .version(version(), '-v, --version')
    .showHelpAfterError('(see tessera --help; an argument that begins with "-" comes last, after "--")')
    .exitOverride()

  addServerCommands(program, does)
  addConfigurationCommands(program, does)
  addKeyCommands(program, does)
  addSessionCommands(program, does)
  addUserCommands(program, does)
  addMailCommands(program, does)
  addClientCommands(program, does)
  addStoreCommands(program, does)
  addAuditCommands(program, does)
  // Last, because it adds to groups of others.
  addEntryCommands(program, does)
  return program
}

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version
