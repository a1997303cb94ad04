/** `tessera keys`. */

import { type Command, Option } from 'commander'
import type { ImportKeyFlags, KeyFlags, RemoveKeyFlags, RotateMasterFlags } from '../command.ts'
import { configOption, type Does, tenantOption } from './options.ts'

export function addKeyCommands(program: Command, does: Does): void {
  const keys = program.command('keys').description('manage signing keys')
  keys
    .command('list')
    .description('list the signing keys')
    .addOption(configOption())
    .addOption(tenantOption())
    .action(does(async (options: KeyFlags) => (await import('../keys.ts')).list(options)))
  keys
    .command('rotate')
    .description('create new signing keys')
    .addOption(configOption())
    .addOption(tenantOption())
    .option('--now', 'sign with them as soon as every node publishes them')
    .action(does(async (options: KeyFlags) => (await import('../keys.ts')).rotate(options)))
  keys
    .command('import')
    .description('import a key of another server: PEM, PFX, a JWK or a JWK Set')
    .argument('<keyfile>', 'file with the key')
    .addOption(configOption())
    .addOption(tenantOption())
    .addOption(
      new Option('--use <use>', 'verify: publish it for tokens of the other server; sign: also sign with it')
        .choices(['verify', 'sign'])
        .default('verify'),
    )
    .option('--kid <kid>', 'kid of the key; in a JWK Set, the key to import')
    .option('--alg <alg>', 'algorithm (default: that of the file, or RS256 for RSA)')
    .option('--until <time>', 'when to remove a key that only verifies, such as 2027-01-31T00:00:00Z')
    .option(
      '--passphrase-env <name>',
      'environment variable with the passphrase of the file (default: standard input)',
    )
    .action(
      does(async (file: string, options: ImportKeyFlags) =>
        (await import('../import-key.ts')).importKeys(file, options),
      ),
    )
  keys
    .command('remove')
    .description('stop publishing a key, so that nothing that it signed can be verified')
    .argument('<kid>', 'kid of the key')
    .addOption(configOption())
    .addOption(tenantOption())
    .option('--force', 'also if it signs or will sign next; a new key replaces it first')
    .action(
      does(async (kid: string, options: RemoveKeyFlags) => (await import('../keys.ts')).remove(kid, options)),
    )
  keys
    .command('rotate-master')
    .description('replace the master key while servers run; can be run again after an interruption')
    .addOption(configOption())
    .option('--finish', 'stop accepting the previous master key, when every process has the new one')
    .action(
      does(async (options: RotateMasterFlags) => (await import('../rotate-master.ts')).rotateMaster(options)),
    )
}
