/** `tessera clients`. */

import type { Command } from 'commander'
import type { IssuerFlags } from '../command.ts'
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
}
