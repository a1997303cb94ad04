/** `tessera clients` and `tessera tenants`: revocations. Entries are in `entries.ts`. */

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
