/** Opens the audit log of an issuer for the command line, while servers may be running. */

import type { Configuration } from '../configuration/configuration.ts'
import type { AuditRow } from '../model/audit-record.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { AuditLog } from '../operations/audit/audit-log.ts'
import { type AuditHead, headOf } from '../operations/audit/record.ts'
import { type Verification, verifyAuditLog } from '../operations/audit/verification.ts'
import { closingOnFailure } from '../runtime/async/opened.ts'
import { openIssuer } from './administration.ts'

export type OpenAudit = {
  readonly verify: (options: VerifyOptions) => Promise<Verification>
  /** Returns the records of this range, after those that wait were appended. They can be read more than once. */
  readonly rows: (range?: Range) => AsyncIterable<AuditRow>
  readonly erase: AuditLog['erase']
  /** The public key as a JWK. */
  readonly publicKey: AuditLog['publicKey']
  readonly close: () => Promise<void>
}

type Range = { readonly from?: number | undefined; readonly to?: number | undefined }
type VerifyOptions = Range & { readonly heads: readonly AuditHead[] }

const page = 500

/** Opens the audit log of an issuer, while servers may be running. */
export async function openAudit(server: Configuration, issuer: Configuration): Promise<OpenAudit> {
  const { audit, stores, close } = await openIssuer(server, issuer)
  await closingOnFailure(async opened => {
    opened.add(close)
    await audit.run()
  })
  const rows = ({ from = 1, to = Number.MAX_SAFE_INTEGER }: Range = {}) => ({
    [Symbol.asyncIterator]: () => rowsOf(stores, from, to),
  })
  return {
    rows,
    async verify({ from, to, heads }) {
      const isPart = from !== undefined || to !== undefined
      return verifyAuditLog(rows({ from, to }), { publicKey: audit.publicKey(), heads, isPart })
    },
    erase: audit.erase,
    publicKey: audit.publicKey,
    close,
  }
}

async function* rowsOf(
  { auditRecords }: Pick<Stores, 'auditRecords'>,
  from: number,
  to: number,
): AsyncGenerator<AuditRow> {
  for (let after = from - 1, more = true; more; ) {
    const rows = await auditRecords.list({ after, limit: page })
    for (const row of rows) {
      if (row.seq > to) return
      yield row
    }
    more = rows.length === page
    after = rows.at(-1)?.seq ?? after
  }
}

export { headOf, verifyAuditLog }
