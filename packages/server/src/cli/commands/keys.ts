/** `tessera keys`. */

import type { Command } from 'commander'
import type { KeyFlags } from '../command.ts'
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
}
