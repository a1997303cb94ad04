/** `tessera clients` and `tessera tenants`: revocations and blocks. Entries are in `entries.ts`. */

import type { Command } from 'commander'
import type { BlockFlags, IssuerFlags } from '../command.ts'
import { configOption, type Does, tenantOption } from './options.ts'

export function addClientCommands(program: Command, does: Does): void {
  const clients = program.command('clients').description('manage clients')
  clients
    .command('revoke')
    .description('revoke every code, token and authorization of a client, which stays enabled')
    .addOption(configOption())
    .addOption(tenantOption())
    .argument('<id>', 'client_id')
    .action(
      does(async (id: string, options: IssuerFlags) => (await import('../clients.ts')).revoke(id, options)),
    )
  const blocking = (verb: 'block' | 'unblock', description: string): Command =>
    clients
      .command(verb)
      .description(description)
      .addOption(configOption())
      .addOption(tenantOption())
      .argument('[id]', 'client_id that is a URL or sealed')
      .option(
        '--redirect-host <host>',
        'self-registered clients that redirect to this host, or a scheme such as myapp:',
      )
      .option('--sealed', 'all sealed ids')
      .action(
        does(async (id: string | undefined, options: BlockFlags) =>
          (await import('../client-blocks.ts'))[verb](id, options),
        ),
      )
  blocking('block', 'refuse a self-registered client, a redirect host, or all sealed ids')
  blocking('unblock', 'end a block')
  clients
    .command('blocked')
    .description('list what is blocked')
    .addOption(configOption())
    .addOption(tenantOption())
    .action(does(async (options: IssuerFlags) => (await import('../client-blocks.ts')).list(options)))
  program
    .command('tenants')
    .description('manage tenants')
    .command('revoke')
    .description("end the sessions of a tenant's users, and revoke every token; they can sign in again")
    .addOption(configOption())
    .argument('<name>', 'name of the tenant')
    .action(
      does(async (name: string, options: IssuerFlags) =>
        (await import('../tenants.ts')).revoke(name, options),
      ),
    )
}
