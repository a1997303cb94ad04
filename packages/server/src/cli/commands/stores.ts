/** Commands that move or change what the stores contain. */

import type { Command } from 'commander'
import type { BackupFlags, TransferFlags } from '../command.ts'
import { configOption, type Does } from './options.ts'

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
    .description('fill the stores from an export, or from another store whose servers are stopped')
    .addOption(configOption())
    .requiredOption('--from <file>', 'export file, sqlite:FILE or postgres://…')
    .option('--kind <name...>', 'kinds of data to import (default: all)')
    .action(
      does(async (options: TransferFlags & { from: string }) =>
        (await import('../transfer.ts')).importFrom(options),
      ),
    )
  program
    .command('backup')
    .description('copy the files of an SQLite store; servers may keep running')
    .addOption(configOption())
    .requiredOption('--to <folder>', 'folder for the copies')
    .action(does(async (options: BackupFlags) => (await import('../transfer.ts')).backUp(options)))
}
