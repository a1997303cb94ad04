/** An audit log for tests: on stores in memory, with a clock that stands still. */

import { createRootKeys } from '../../packages/server/src/keys/root-keys.ts'
import { createSealing } from '../../packages/server/src/keys/sealing.ts'
import type { AuditRow, AuditSettings } from '../../packages/server/src/model/audit-record.ts'
import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import { createAuditLog } from '../../packages/server/src/operations/audit/audit-log.ts'
import { auditKey } from '../../packages/server/src/operations/audit/record.ts'
import type { Log } from '../../packages/server/src/runtime/ports.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { createRandom } from '../../packages/server/src/runtime/random.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { startOfTime } from './tessera.ts'

export const day = 86_400

/** @param secret one byte of the master key. */
export function auditWorld({
  secret = 7,
  stores = createMemoryStores(),
  settings = {},
  log = silentLog,
}: {
  secret?: number
  stores?: Stores
  settings?: Partial<AuditSettings>
  log?: Log
} = {}) {
  let at = startOfTime
  const clock = { now: () => at }
  const first = { version: 1, key: new Uint8Array(32).fill(secret), active_from: 0 }
  const rootKeys = createRootKeys([first], clock)
  const { derived } = rootKeys
  const audit = createAuditLog({
    issuer: 'https://id.example',
    settings: { enabled: true, tokens: false, retention: 400 * day, ...settings },
    network: 'full',
    stores,
    sealing: createSealing({ derived, purpose: 'audit' }),
    key: () => auditKey(derived),
    clock,
    random: createRandom(),
    log,
  })
  return {
    audit,
    stores,
    derived,
    advance: (seconds: number) => {
      at += seconds
    },
    /** Replaces the root key, as a rotation of the master key does. */
    rotate: () => rootKeys.replace([first, { version: 2, key: new Uint8Array(32).fill(99), active_from: 0 }]),
    /** Stores records of users, and appends them. */
    async write(...subs: readonly string[]) {
      for (const sub of subs) await stores.webhookMessages.add(audit.messagesOf('user.disabled', { sub }))
      await audit.run()
    },
    rows: async (): Promise<readonly AuditRow[]> => stores.auditRecords.list({ after: 0, limit: 1000 }),
  }
}
