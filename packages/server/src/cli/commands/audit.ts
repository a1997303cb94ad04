/** `tessera audit`. */

import { type Command, Option } from 'commander'
import type { AuditEraseFlags, AuditExportFlags, AuditVerifyFlags, IssuerFlags } from '../command.ts'
import { configOption, type Does, tenantOption } from './options.ts'

export function addAuditCommands(program: Command, does: Does): void {
  const audit = program.command('audit').description('verify and export the audit log')
  audit
    .command('verify')
    .description('check that no record of the audit log was changed, removed or added')
    .argument('[file]', 'exported records (default: the store of --config)')
    .option('-c, --config <file>', 'configuration file')
    .addOption(tenantOption())
    .option('--key <file>', 'public key for exported records, as "tessera audit key" prints it')
    .option('--head <number:hash...>', 'heads that were noted before, which the log must contain')
    .option('--from <number>', 'first record to check')
    .option('--to <number>', 'last record to check')
    .option('--part', 'the file is a part of a log')
    .action(
      does(async (file: string | undefined, options: AuditVerifyFlags) =>
        (await import('../audit.ts')).verify(file, options),
      ),
    )
  audit
    .command('export')
    .description('print the records of the audit log')
    .addOption(configOption())
    .addOption(tenantOption())
    .addOption(
      new Option('--format <format>', 'ndjson can be verified; csv is for spreadsheets')
        .choices(['ndjson', 'csv'])
        .default('ndjson'),
    )
    .option('--since <time>', 'records from this time on, such as 2027-01-31T00:00:00Z')
    .option('--until <time>', 'records before this time')
    .option('--type <type...>', 'records of these types')
    .option('--actor <actor>', 'records by this client_id, account or kind of actor')
    .option('--user <sub>', 'records about this user')
    .action(does(async (options: AuditExportFlags) => (await import('../audit.ts')).exportRecords(options)))
  audit
    .command('erase')
    .description('erase the personal members of the records about a user')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: AuditEraseFlags) => (await import('../audit.ts')).erase(options)))
  audit
    .command('key')
    .description('print the public key that verifies exported records')
    .addOption(configOption())
    .addOption(tenantOption())
    .action(does(async (options: IssuerFlags) => (await import('../audit.ts')).key(options)))
}
