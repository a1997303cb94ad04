/** The curves, in the order in which they are measured. */

import { clientsCurve } from './clients.ts'
import { connectionsCurve } from './connections.ts'
import type { Curve } from './curve.ts'
import { postgresRowsCurve, sqliteRowsCurve } from './stored-rows.ts'
import { tenantsCurve } from './tenants.ts'

export const curves: readonly Curve[] = [
  connectionsCurve,
  clientsCurve,
  tenantsCurve,
  sqliteRowsCurve,
  postgresRowsCurve,
]
