/** `tessera sessions`. */

import type { Command } from 'commander'
import type { IssuerFlags, SessionFlags } from '../command.ts'
import { configOption, type Does, tenantOption } from './options.ts'

export function addSessionCommands(program: Command, does: Does): void {
  const sessions = program.command('sessions').description("manage users' sessions")
  sessions
    .command('list')
    .description('list the sessions of a user')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: SessionFlags) => (await import('../sessions.ts')).list(options)))
  sessions
    .command('revoke')
    .description('end a session, and revoke every token that was issued in it, also after it ended')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--sid <sid>', 'session to revoke')
    .action(
      does(async (options: IssuerFlags & { readonly sid: string }) =>
        (await import('../sessions.ts')).revoke(options),
      ),
    )
  sessions
    .command('end')
    .description('end a session or all sessions of a user; a running server notifies the clients')
    .addOption(configOption())
    .addOption(tenantOption())
    .option('--sid <sid>', 'session to end')
    .option('--user <sub>', 'sub of the user whose sessions end')
    .action(does(async (options: SessionFlags) => (await import('../sessions.ts')).end(options)))
}
