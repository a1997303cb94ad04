/** Creates the audit log of an issuer. */

import type { Configuration } from '../configuration/configuration.ts'
import { createSealing } from '../keys/sealing.ts'
import type { DerivedKeys } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import { type AuditLog, createAuditLog } from '../operations/audit/audit-log.ts'
import { auditKey } from '../operations/audit/record.ts'
import type { Clock, Log, Random } from '../runtime/ports.ts'

type AuditContext = {
  readonly stores: Stores
  readonly derived: DerivedKeys
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export const createAudit = (
  { issuer, tenant, audit, logClientNetwork }: Configuration,
  { stores, derived, clock, random, log }: AuditContext,
): AuditLog =>
  createAuditLog({
    issuer,
    tenant,
    settings: audit,
    network: logClientNetwork,
    stores,
    sealing: createSealing({ derived, purpose: 'audit' }),
    key: () => auditKey(derived),
    clock,
    random,
    log,
  })
