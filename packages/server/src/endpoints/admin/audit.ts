/** The audit log, for reading. */

import { parseJsonObject } from '@tessera/protocol/json'
import * as s from '../../configuration/validation/kinds.ts'
import type { AuditRow } from '../../model/audit-record.ts'
import type { AuditRecords } from '../../model/ports/stores.ts'
import type { Cursors } from './cursor.ts'
import { pageParameters } from './list.ts'
import type { Descriptions, Handlers } from './operation.ts'
import { problem } from './problem.ts'

type AuditPorts = { readonly auditRecords: Pick<AuditRecords, 'list'>; readonly cursors: Cursors }

const usual = 50
/** Rows that one request reads. A filter may match few of them. */
const mostRead = 2000
const batch = 500

const time = s.int().min(0).max(253_402_300_799)

export const auditOperations = {
  listAuditRecords: {
    method: 'GET',
    path: '/audit',
    tag: 'Audit log',
    scope: 'admin:audit.read',
    summary: 'List the records of the audit log, the oldest first.',
    query: {
      ...pageParameters,
      type: { schema: s.string().min(1).max(100), description: 'The type of the records.' },
      sub: { schema: s.string().min(1).max(255), description: 'The user that they are about.' },
      client_id: { schema: s.string().min(1).max(1000), description: 'The client that acted.' },
      since: { schema: time, description: 'From this time on, in seconds since 1970.' },
      until: { schema: time, description: 'Before this time, in seconds since 1970.' },
    },
    success: {
      200: {
        description:
          'A page. next_cursor is there on the last page too, unless it is empty: send it later for new records.',
        schema: 'AuditRecord',
        list: true,
      },
    },
    problems: ['admin_cursor_invalid'],
  },
} as const satisfies Descriptions

export const auditSchemas = {
  AuditRecord: s
    .object({
      record: s
        .object({
          seq: s.int().describe('The number of the record, from 1.'),
          time: s.string().describe('ISO 8601.'),
          type: s.string(),
        })
        .describe('What is signed. docs/guides/audit.md lists the members.'),
      personal: s
        .object({})
        .optional()
        .describe('What is about a person. It is missing if it was erased, or if there is nothing.'),
      signature: s.string().describe('Ed25519 over the JSON text of record, in base64url.'),
    })
    .describe('A record of the audit log.'),
}

export const createAuditHandlers = ({
  auditRecords,
  cursors,
}: AuditPorts): Handlers<typeof auditOperations> => ({
  async listAuditRecords({ query, operation }) {
    const { limit = usual, cursor, ...filters } = query as Filters & { limit?: number; cursor?: string }
    const list = JSON.stringify([operation, filters])
    const read = cursor === undefined ? '0' : cursors.read(list, cursor)
    if (read === undefined)
      return problem('admin_cursor_invalid', 'send next_cursor of the page before, with the same filters')
    const items: AuditRow[] = []
    let after = Number(read)
    for (let count = 0, more = true; more && items.length < limit && count < mostRead; count += batch) {
      const rows = await auditRecords.list({ after, limit: batch, sub: filters.sub })
      for (const row of rows) {
        if (items.length === limit) break
        after = row.seq
        if (fits(row, filters)) items.push(row)
      }
      more = rows.length === batch
    }
    const isStill = after === 0
    return {
      ok: true,
      status: 200,
      body: {
        items: items.map(shown),
        ...(!isStill && { next_cursor: cursors.write(list, String(after)) }),
      },
    }
  },
})

type Filters = {
  readonly type?: string
  readonly sub?: string
  readonly client_id?: string
  readonly since?: number
  readonly until?: number
}

const fits = ({ type, at, record }: AuditRow, filters: Filters): boolean =>
  (filters.type ?? type) === type &&
  (filters.since ?? at) <= at &&
  (filters.until === undefined || at < filters.until) &&
  (filters.client_id === undefined || actorOf(record).client_id === filters.client_id)

const actorOf = (record: string): { readonly client_id?: unknown } => Object(parseJsonObject(record)?.actor)

/** A row that somebody changed may be no JSON. It is shown without its members, so that the others can be read. */
const shown = ({ record, personal, signature }: AuditRow) => ({
  record: parseJsonObject(record) ?? {},
  ...(personal !== undefined && { personal: parseJsonObject(personal) ?? {} }),
  signature,
})
