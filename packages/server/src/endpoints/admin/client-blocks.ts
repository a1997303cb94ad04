/** Blocks of clients that registered themselves or publish their metadata: by id, by redirect host, or all sealed ids. */

import * as s from '../../configuration/validation/kinds.ts'
import {
  type Block,
  type BlockClients,
  blockKey,
  blockNames,
  type ListedBlock,
  namedBlock,
} from '../../model/client-blocks.ts'
import type { Cursors } from './cursor.ts'
import { pageParameters, replyWithPage } from './list.ts'
import type { Call, Description, Descriptions, Handlers, Reply } from './operation.ts'
import { invalidEntry, type Problem, problem } from './problem.ts'

type BlockPorts = {
  readonly blocking: {
    readonly block: BlockClients
    readonly blocks: () => Promise<readonly ListedBlock[]>
  }
  readonly cursors: Cursors
}

const origins = ['file', 'stored'] as const
const kinds = Object.values(blockNames)

export const clientBlockSchemas = {
  ClientBlock: s
    .strictObject({
      kind: s
        .enum(kinds)
        .describe(
          'client_id: one client. redirect_host: clients that redirect to a host or scheme. sealed_client_ids: all clients whose client_id is their sealed metadata.',
        ),
      id: s
        .string()
        .optional()
        .describe('The client_id, or the host or scheme. Omitted for sealed_client_ids.'),
      origin: s
        .enum(origins)
        .describe('file: from the configuration file, and read-only. stored: made at run time.'),
    })
    .describe('What is blocked.'),
}

const tag = 'Client blocks'
const root = '/client-blocks'

const putOf = (path: string, what: string): Description => ({
  method: 'PUT',
  path,
  tag,
  scope: 'admin:blocks.write',
  summary: `Block ${what}, at this node at once and on every node within a second.`,
  dryRun: true,
  success: {
    200: {
      description: 'The block, which existed; or with dry_run the block as it would be.',
      schema: 'ClientBlock',
    },
    201: { description: 'The new block.', schema: 'ClientBlock' },
  },
  problems: path.includes('{') ? ['admin_entry_invalid'] : [],
})

const deleteOf = (path: string, what: string): Description => ({
  method: 'DELETE',
  path,
  tag,
  scope: 'admin:blocks.write',
  summary: `End the block of ${what}.`,
  dryRun: true,
  success: {
    200: { description: 'With dry_run: the block that would end.', schema: 'ClientBlock' },
    204: { description: 'The block ended.' },
  },
  problems: path.includes('{')
    ? ['admin_entry_unknown', 'admin_entry_invalid', 'admin_entry_read_only']
    : ['admin_entry_unknown'],
})

const client = [`${root}/client-ids/{client_id}`, 'a client whose client_id is a URL or sealed'] as const
const host = [
  `${root}/redirect-hosts/{redirect_host}`,
  'clients that redirect to a host, or to a scheme such as myapp:',
] as const
const sealed = [`${root}/sealed-client-ids`, 'all sealed client_ids'] as const

export const clientBlockOperations = {
  listClientBlocks: {
    method: 'GET',
    path: root,
    tag,
    scope: 'admin:blocks.read',
    summary: 'List the blocks in the order of their kinds and ids.',
    query: {
      ...pageParameters,
      kind: { schema: s.enum(kinds), description: 'What is blocked.' },
      id: { schema: s.string().min(1).max(1024), description: 'The exact client_id, host or scheme.' },
      origin: { schema: s.enum(origins), description: 'Where the block comes from.' },
    },
    success: { 200: { description: 'A page of blocks.', schema: 'ClientBlock', list: true } },
    problems: ['admin_cursor_invalid'],
  },
  blockClient: putOf(...client),
  unblockClient: deleteOf(...client),
  blockRedirectHost: putOf(...host),
  unblockRedirectHost: deleteOf(...host),
  blockSealedClientIds: putOf(...sealed),
  unblockSealedClientIds: deleteOf(...sealed),
} as const satisfies Descriptions

export function createClientBlockHandlers({
  blocking,
  cursors,
}: BlockPorts): Handlers<typeof clientBlockOperations> {
  async function change(call: Call, block: Block, isBlocked: boolean): Promise<Reply | Problem> {
    const { caller, dryRun, changed } = call
    const outcome = await blocking.block(block, isBlocked, { actor: caller.client_id, dryRun })
    if (!outcome.ok) return refusedBy(block, outcome)
    if (!isBlocked && !outcome.changed)
      return problem('admin_entry_unknown', 'it is not blocked; GET /client-blocks lists the blocks')
    if (outcome.changed && !dryRun) changed(namedBlock(block).kind, block.id)
    const body = shown({ ...block, origin: 'stored' })
    if (dryRun) return { ok: true, status: 200, body }
    if (!isBlocked) return { ok: true, status: 204 }
    return { ok: true, status: outcome.changed ? 201 : 200, body }
  }

  const of =
    (kind: Block['kind'], isBlocked: boolean) =>
    (call: Call): Promise<Reply | Problem> =>
      change(call, { kind, id: call.path.client_id ?? call.path.redirect_host ?? '' }, isBlocked)

  return {
    async listClientBlocks(call) {
      const { kind, id, origin } = call.query
      return replyWithPage(call as Call, cursors, {
        own: await blocking.blocks(),
        stored: () => [],
        idOf: blockKey,
        fits: block =>
          (kind === undefined || blockNames[block.kind] === kind) &&
          (id === undefined || block.id === id) &&
          (origin === undefined || block.origin === origin),
        show: shown,
      })
    },
    blockClient: of('stored_client', true),
    unblockClient: of('stored_client', false),
    blockRedirectHost: of('redirect_host', true),
    unblockRedirectHost: of('redirect_host', false),
    blockSealedClientIds: of('sealed_clients', true),
    unblockSealedClientIds: of('sealed_clients', false),
  }
}

const shown = ({ origin, ...block }: ListedBlock) => ({ ...namedBlock(block), origin })

const expected = {
  stored_client: 'an https URL of a metadata document, or a sealed client_id',
  redirect_host: 'a host such as app.example or *.example.com, or the scheme of an application',
  sealed_clients: 'nothing',
} as const satisfies Readonly<Record<Block['kind'], string>>

function refusedBy(
  { kind }: Block,
  { isOfFile, problem: what, fix }: Extract<Awaited<ReturnType<BlockClients>>, { readonly ok: false }>,
): Problem {
  return isOfFile
    ? problem('admin_entry_read_only', `${what}; ${fix}`)
    : invalidEntry([{ path: blockNames[kind], problem: what, expected: expected[kind], fix }])
}
