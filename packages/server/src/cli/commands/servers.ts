/** Commands that serve, and those about a running server. */

import type { Command } from 'commander'
import type { DoctorFlags, ServeFlags } from '../command.ts'
import { configOption, type Does } from './options.ts'

export function addServerCommands(program: Command, does: Does): void {
  program
    .command('serve')
    .description('serve a configuration')
    .addOption(configOption())
    .option('--port <number>', 'port to listen on; 0 for any free port')
    .option('--host <address>', 'address to listen on; 0.0.0.0 for all')
    .option('--workers <number>', 'worker processes on the port (default: one per core)')
    .action(does(async (options: ServeFlags) => (await import('../serve.ts')).serve(options)))

  program
    .command('demo')
    .description('serve the demo and print requests to try')
    .option('--port <number>', 'port to listen on', '5080')
    .action(does(async (options: { port: string }) => (await import('../demo.ts')).demo(options)))

  program
    .command('doctor')
    .description('check a running server against the production checklist')
    .requiredOption('--url <issuer>', 'issuer of the server, such as https://login.example.com')
    .option('-c, --config <file>', 'also check this configuration and its store')
    .option('--backups <folder>', 'also check that this folder has a fresh backup')
    .option('--json', 'print JSON')
    .action(does(async (options: DoctorFlags) => (await import('../doctor.ts')).doctor(options)))

  program
    .command('explain')
    .description('show from the log what happened to a request: its steps, and why it was refused')
    .argument('<id>', 'x-request-id of the response, or the id of an authorization or session')
    .argument('[files...]', 'files of the log, also .gz (default: standard input)')
    .option('--related', 'include the other requests of the same authorization and session')
    .option('--json', 'print JSON')
    .action(
      does(async (id: string, files: readonly string[], options: { json?: boolean; related?: boolean }) =>
        (await import('../explain.ts')).explain(id, files, options),
      ),
    )
}
