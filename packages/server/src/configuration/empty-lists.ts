/** A draft without entries, to check a single entry with the names that it can refer to. */

import type { Draft } from './draft.ts'
import type { ListName } from './schema/whole.ts'

export const emptyLists = {
  clients: [],
  identity_resources: [],
  api_scopes: [],
  api_resources: [],
  users: [],
  identity_providers: [],
  tenants: [],
} as const satisfies Pick<Draft, ListName>
