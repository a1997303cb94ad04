/** `tessera clients block`, `unblock` and `blocked`. A running server honours a block within a second. */

import { writeOutput } from '../operations/output/standard-output.ts'
import type { BlockFlags, ExitCode, IssuerFlags } from './command.ts'
import { withOpened } from './issuer.ts'
import { report } from './report.ts'

type Clients = Awaited<ReturnType<typeof import('../app/administration.ts').openClients>>
type Block = Parameters<Clients['block']>[0]

export const block = (id: string | undefined, flags: BlockFlags): Promise<ExitCode> => change(id, flags, true)
export const unblock = (id: string | undefined, flags: BlockFlags): Promise<ExitCode> =>
  change(id, flags, false)

export const list = (flags: IssuerFlags): Promise<ExitCode> =>
  withClients(flags, async clients => {
    const lines = (await clients.blocks()).map(
      block => `${lineOf(block)}${block.origin === 'file' ? ' origin=file' : ''}\n`,
    )
    writeOutput(lines.join(''))
    return 0
  })

async function change(id: string | undefined, flags: BlockFlags, isBlocked: boolean): Promise<ExitCode> {
  const target = targetOf(id, flags)
  if (target === undefined) {
    report('name one of a client_id, --redirect-host and --sealed')
    return 2
  }
  return withClients(flags, async clients => {
    const outcome = await clients.block(target, isBlocked, { actor: 'command_line' })
    if (!outcome.ok) return report(`${lineOf(target)}: ${outcome.problem}; ${outcome.fix}`)
    const done = isBlocked ? 'blocked' : 'unblocked'
    writeOutput(`${outcome.changed ? done : `already ${done}`} ${lineOf(target)}\n`)
    return 0
  })
}

/** Returns undefined unless exactly one thing is named. */
function targetOf(id: string | undefined, { redirectHost, sealed }: BlockFlags): Block | undefined {
  const targets: readonly Block[] = [
    ...(id === undefined ? [] : [{ kind: 'stored_client', id } as const]),
    ...(redirectHost === undefined ? [] : [{ kind: 'redirect_host', id: redirectHost } as const]),
    ...(sealed ? [{ kind: 'sealed_clients', id: '' } as const] : []),
  ]
  return targets.length === 1 ? targets[0] : undefined
}

const names = {
  stored_client: 'client_id',
  redirect_host: 'redirect_host',
  sealed_clients: 'sealed',
} as const

const lineOf = ({ kind, id }: Block): string =>
  kind === 'sealed_clients' ? names[kind] : `${names[kind]}=${JSON.stringify(id)}`

const withClients = (flags: IssuerFlags, use: (clients: Clients) => Promise<ExitCode>): Promise<ExitCode> =>
  withOpened(
    flags,
    'clients',
    async (...issuer) => (await import('../app/administration.ts')).openClients(...issuer),
    use,
  )
