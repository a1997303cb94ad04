/** `tessera clients`, `scopes`, `resources`, `identity-resources`, `providers` and `tenants`. */

import { type Command, Option } from 'commander'
import type {
  AddEntryFlags,
  EntryFlags,
  ListEntryFlags,
  RemoveEntryFlags,
  RotateSecretFlags,
  SetEntryFlags,
} from '../command.ts'
import { configOption, type Does, tenantOption, versionOption } from './options.ts'

/** Commands, and the lists of the configuration that they manage. */
const groups = [
  { name: 'clients', kind: 'clients', what: 'client', hasSecrets: true },
  { name: 'scopes', kind: 'api_scopes', what: 'API scope', hasSecrets: false },
  { name: 'resources', kind: 'api_resources', what: 'API resource', hasSecrets: true },
  { name: 'identity-resources', kind: 'identity_resources', what: 'identity resource', hasSecrets: false },
  { name: 'providers', kind: 'identity_providers', what: 'identity provider', hasSecrets: false },
  { name: 'tenants', kind: 'tenants', what: 'tenant', hasSecrets: false },
] as const

export function addEntryCommands(program: Command, does: Does): void {
  for (const { name, kind, what, hasSecrets } of groups) {
    // Another file may have added commands to the group.
    const group =
      program.commands.find(command => command.name() === name) ??
      program.command(name).description(`manage ${what}s`)
    const code = () => import('../entries.ts')
    const command = (verb: string, description: string): Command => {
      const made = group.command(verb).description(description).addOption(configOption())
      return (kind === 'tenants' ? made : made.addOption(tenantOption())).option('--json', 'print JSON')
    }
    const changing = (verb: string, description: string): Command =>
      command(verb, description).option('--dry-run', 'check the change without making it')
    const fromFile = (verb: string, description: string): Command => {
      const made = changing(verb, description).option(
        '--file <file>',
        'JSON of the entry, as in a configuration (default: standard input)',
      )
      return hasSecrets ? made.option('--generate-secret', 'add a new secret, and print it') : made
    }
    command('list', `list ${what}s of the configuration file and of the store`)
      .option('--filter <text>', 'a part of the id or of the name')
      .addOption(
        new Option('--origin <origin>', 'where they come from').choices(['file', 'stored', 'registered']),
      )
      .action(does(async (options: ListEntryFlags) => (await code()).list(kind, options)))
    command('show', `show one ${what}, without its secrets`)
      .argument('<id>', 'client_id or name')
      .action(does(async (id: string, options: EntryFlags) => (await code()).show(kind, id, options)))
    fromFile('add', `add one ${what} to the store`).action(
      does(async (options: AddEntryFlags) => (await code()).add(kind, options)),
    )
    fromFile('set', `replace one ${what} of the store`)
      .argument('<id>', 'client_id or name')
      .addOption(versionOption())
      .action(does(async (id: string, options: SetEntryFlags) => (await code()).set(kind, id, options)))
    changing('remove', `remove one ${what} from the store`)
      .argument('<id>', 'client_id or name')
      .addOption(versionOption())
      .action(does(async (id: string, options: RemoveEntryFlags) => (await code()).remove(kind, id, options)))
    if (hasSecrets)
      changing('rotate-secret', 'add a new secret, print it, and let the others expire')
        .argument('<id>', 'client_id or name')
        .option('--overlap <seconds>', 'how long the other secrets remain valid', '0')
        .action(
          does(async (id: string, options: RotateSecretFlags) =>
            (await code()).rotateSecret(kind, id, options),
          ),
        )
  }
}
