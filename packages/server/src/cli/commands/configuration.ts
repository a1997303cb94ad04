/** Commands about the configuration. */

import { type Command, Option } from 'commander'
import { securityProfiles } from '../../configuration/profiles/names.ts'
import type { CheckFlags, PlanFlags } from '../command.ts'
import type { Does } from './options.ts'

export function addConfigurationCommands(program: Command, does: Does): void {
  const config = program.command('config').description('check configuration files')
  config
    .command('check')
    .description('report every error in a configuration')
    .argument('<file>')
    .option('--store', 'also check the entries that were made at run time; reads the store')
    .addOption(
      new Option('--profile <name>', 'report what a security profile requires and is missing').choices(
        securityProfiles,
      ),
    )
    .option('--verbose', 'with --profile: also list the requirements that are met')
    .option('--json', 'with --profile: print a JSON object per requirement, and nothing else')
    .action(
      does(async (file: string, options: CheckFlags) => (await import('../config.ts')).check(file, options)),
    )
  config
    .command('plan')
    .description('compare two configurations: what changes, and which tokens are refused then')
    .argument('<running>', 'the file that is served')
    .argument('<changed>', 'the file to apply')
    .option('--json', 'print a JSON object per change')
    .action(
      does(async (running: string, changed: string, options: PlanFlags) =>
        (await import('../config.ts')).plan(running, changed, options),
      ),
    )
  config
    .command('schema')
    .description('print the JSON Schema of configuration files')
    .action(does(async () => (await import('../config.ts')).schema()))

  program
    .command('hash-secret')
    .description('hash a secret from standard input, for a configuration')
    .option('--argon2id', 'use a slow hash, for passwords and secrets that people choose')
    .addOption(
      new Option('--sha512', 'use SHA-512 (default: SHA-256), as other servers do').conflicts('argon2id'),
    )
    .action(
      does(async (options: { argon2id?: boolean; sha512?: boolean }) =>
        (await import('../hash-secret.ts')).hashSecret(options),
      ),
    )
}
