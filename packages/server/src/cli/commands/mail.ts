/** `tessera mail`. */

import type { Command } from 'commander'
import type { TestMailFlags } from '../command.ts'
import { configOption, type Does, tenantOption } from './options.ts'

export function addMailCommands(program: Command, does: Does): void {
  const mail = program.command('mail').description('check the settings of mail')
  mail
    .command('test')
    .description('send a test email, without a queue, and report the error if there is one')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--to <address>', 'address of the recipient')
    .action(does(async (options: TestMailFlags) => (await import('../mail.ts')).test(options)))
}
