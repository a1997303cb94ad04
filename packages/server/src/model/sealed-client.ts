/** Clients whose `client_id` is their sealed metadata, so that the store has no row of them. */

import type { Seconds } from '@tessera/protocol/brand'
import { isClientIdUrl } from '@tessera/protocol/client-id-url'

export type SealedClientPolicy = {
  /** `accept`: only ids that were issued before; `issue`: open registration also issues new ones. */
  readonly mode: 'off' | 'accept' | 'issue'
  /** How long an id is valid. A shorter one also applies to ids that were issued before. */
  readonly lifetime: Seconds
}

/** Begins every sealed id, and names the version of its format. Ids of other clients never begin like this. */
export const sealedPrefix = 'sealed1.'

/** The longest one in characters. Clients keep ids in columns, headers and URLs. */
export const maxSealedIdLength = 512

/** Returns whether a `client_id` can only be a sealed one. It need not be valid. */
export const isSealedId = (clientId: string): boolean => clientId.startsWith(sealedPrefix)

/** Returns what users see of an id if there is no name. A sealed one would fill the page, and the ids of a day begin alike. */
export const displayedId = (clientId: string): string =>
  isSealedId(clientId) && clientId.length > 20 ? `${sealedPrefix}…${clientId.slice(-8)}` : clientId

/** Returns whether the client of this id has no row in the store unless an operator revoked or blocked it. */
export const hasNoRow = (clientId: string): boolean => isClientIdUrl(clientId) || isSealedId(clientId)
