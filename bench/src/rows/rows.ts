/** The rows of the table, in order. */

import { clientCredentials } from './client-credentials.ts'
import { codeExchange } from './code-exchange.ts'
import { inspection } from './inspection.ts'
import { publishedRows } from './published.ts'
import { boundRefresh, publicRefresh, refresh } from './refresh.ts'
import type { Row } from './row.ts'

export const rows: readonly Row[] = [
  ...clientCredentials,
  codeExchange,
  refresh,
  boundRefresh,
  publicRefresh,
  ...inspection,
  ...publishedRows,
]
