/** `tessera users`. */

import type { Command } from 'commander'
import type {
  AddUserFlags,
  DeleteUserFlags,
  ExportUserFlags,
  FindUserFlags,
  IssuerFlags,
  MembershipFlags,
  NamedUserFlags,
  RenameUserFlags,
  SetPasswordFlags,
  SetUserFlags,
  UserFlags,
} from '../command.ts'
import { configOption, type Does, tenantOption, versionOption } from './options.ts'

export function addUserCommands(program: Command, does: Does): void {
  const users = program.command('users').description('manage users')
  users
    .command('list')
    .description('list stored users')
    .addOption(configOption())
    .addOption(tenantOption())
    .action(does(async (options: IssuerFlags) => (await import('../users.ts')).list(options)))
  users
    .command('find')
    .description('find users of every kind by sub, name or email address')
    .addOption(configOption())
    .addOption(tenantOption())
    .option('--json', 'print a JSON object per line')
    .argument('<text>', 'sub, name or email address')
    .action(
      does(async (text: string, options: FindUserFlags) => (await import('../users.ts')).find(text, options)),
    )
  users
    .command('add')
    .description('add a user; the password is read from standard input')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--username <name>', 'name to sign in with')
    .option('--in-tenant <name>', "tenant of the user, which shares the server's issuer")
    .option('--email <address>', 'email address')
    .option('--email-verified', 'the email address is verified')
    .option('--sub <sub>', 'sub (default: a random one)')
    .option('--claims <json>', 'additional claims as a JSON object')
    .option('--group <name...>', 'groups of the user')
    .option('--role <name...>', 'roles of the user')
    .option('--password-hash', 'standard input contains a password hash of another server')
    .option('--no-password', 'without a password')
    .option('--dry-run', 'check the user without adding them')
    .action(does(async (options: AddUserFlags) => (await import('../users.ts')).add(options)))
  users
    .command('show')
    .description('print a user of the configuration file or of the store as JSON, without the password')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: NamedUserFlags) => (await import('../users.ts')).show(options)))
  users
    .command('set')
    .description('replace the record of a user of the store')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .option('--file <file>', 'JSON with the members that "users show" prints (default: standard input)')
    .addOption(versionOption())
    .option('--dry-run', 'check the change without making it')
    .action(does(async (options: SetUserFlags) => (await import('../users.ts')).set(options)))
  users
    .command('set-password')
    .description("set a user's password, read from standard input, and end their sessions")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .option('--password-hash', 'standard input contains a password hash of another server')
    .action(does(async (options: SetPasswordFlags) => (await import('../users.ts')).setPassword(options)))
  users
    .command('set-groups')
    .description("replace a user's groups")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .option('--group <name...>', 'groups of the user from now on')
    .option('--none', 'the user is in no group')
    .action(does(async (options: MembershipFlags) => (await import('../users.ts')).setGroups(options)))
  users
    .command('set-roles')
    .description("replace a user's roles")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .option('--role <name...>', 'roles of the user from now on')
    .option('--none', 'the user has no role')
    .action(does(async (options: MembershipFlags) => (await import('../users.ts')).setRoles(options)))
  users
    .command('rename')
    .description('change the name that a user signs in with')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .requiredOption('--username <name>', 'new name')
    .action(does(async (options: RenameUserFlags) => (await import('../users.ts')).rename(options)))
  users
    .command('export')
    .description('print everything that is stored about a user of any kind as JSON')
    .addOption(configOption())
    .addOption(tenantOption())
    .option('--output <file>', 'write a new file instead')
    .argument('<user>', 'sub, name or email address')
    .action(
      does(async (text: string, options: ExportUserFlags) =>
        (await import('../users.ts')).exportData(text, options),
      ),
    )
  users
    .command('delete')
    .description('delete a user of any kind with all their data, sessions and tokens')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .option('--dry-run', 'print how many rows would be deleted, and delete nothing')
    .action(does(async (options: DeleteUserFlags) => (await import('../users.ts')).remove(options)))
  users
    .command('disable')
    .description('disable a user, and end their sessions and tokens')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: NamedUserFlags) => (await import('../users.ts')).disable(options)))
  users
    .command('enable')
    .description('enable a user again')
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: NamedUserFlags) => (await import('../users.ts')).enable(options)))
  users
    .command('revoke')
    .description("end a user's sessions and revoke all of their tokens; they can sign in again")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: NamedUserFlags) => (await import('../users.ts')).revoke(options)))
  users
    .command('reset-mfa')
    .description("remove a user's second factors, passkeys and recovery codes")
    .addOption(configOption())
    .addOption(tenantOption())
    .requiredOption('--user <sub>', 'sub of the user')
    .action(does(async (options: UserFlags) => (await import('../reset-mfa.ts')).resetMfa(options)))
}
