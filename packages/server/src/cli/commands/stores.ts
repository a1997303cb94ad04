/** Commands that move or change what the stores contain. */

import type { Command } from 'commander'
import type { BackupFlags, ImportFlags, TransferFlags } from '../command.ts'
import { configOption, type Does, tenantOption } from './options.ts'

export function addStoreCommands(program: Command, does: Does): void {
  program
    .command('migrate')
    .description('migrate the stores to the schema of this version; serve does this too')
    .addOption(configOption())
    .action(does(async (options: { config: string }) => (await import('../migrate.ts')).migrate(options)))

  program
    .command('export')
    .description('write the contents of the stores to a file; servers may keep running')
    .addOption(configOption())
    .requiredOption('--to <file>', 'file to create')
    .option('--kind <name...>', 'kinds of data to export (default: all)')
    .action(
      does(async (options: TransferFlags & { to: string }) =>
        (await import('../transfer.ts')).exportTo(options),
      ),
    )
  program
    .command('import')
    .description('fill the stores from an export or another store, or convert files of another server')
    .argument('[file...]', 'files of another server')
    .option('-c, --config <file>', 'configuration file; with another server, only to add its users')
    .requiredOption(
      '--from <source>',
      'export file, sqlite:FILE or postgres://…; or another server: identityserver, keycloak, oidc-provider, hydra, auth0',
    )
    .option('--kind <name...>', 'kinds of data to import (default: all)')
    .option('--report <format>', 'text or json: how to print the report about another server')
    .option('--output <file>', 'file to create with the configuration of another server')
    .option('--apply', 'add the users of another server to the store of --config')
    .addOption(tenantOption())
    .action(
      does(async (files: readonly string[], options: ImportFlags) =>
        (await import('../import.ts')).importFiles(files, options),
      ),
    )
  program
    .command('backup')
    .description('copy the files of an SQLite store; servers may keep running')
    .addOption(configOption())
    .requiredOption('--to <folder>', 'folder for the copies')
    .action(does(async (options: BackupFlags) => (await import('../transfer.ts')).backUp(options)))
}
