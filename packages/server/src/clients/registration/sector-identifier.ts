/**
 * `sector_identifier_uri` (OpenID Connect Dynamic Client Registration 1.0 §5): a document that lists every redirection
 * URI.
 */

import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Outbound } from '../../outbound/outbound.ts'
import { createSlots } from '../../outbound/slots.ts'

export type CheckSectorIdentifier = (
  uri: string,
  redirectUris: readonly string[],
) => Promise<Refusal | undefined>

/** Registrations that may wait for such documents at the same time. */
const maxWaiting = 100

/** Creates the check. It also refuses `temporarily_unavailable` if too many registrations wait for the host. */
export function createSectorIdentifierCheck(outbound: Outbound): CheckSectorIdentifier {
  const takeSlot = createSlots(maxWaiting)
  return async (uri, redirectUris) => {
    // The client does not exist yet.
    const giveBack = takeSlot({ client_id: uri, url: uri, trusted: false })
    if (!giveBack)
      return refuse('temporarily_unavailable', 'sector_identifiers_too_many_waiting', {
        description: 'too many sector_identifier_uri documents are being fetched; try again later',
      })
    return checkSectorIdentifier(uri, redirectUris, outbound).finally(giveBack)
  }
}

/** Refuses `invalid_client_metadata` unless the document lists all redirection URIs. */
async function checkSectorIdentifier(
  uri: string,
  redirectUris: readonly string[],
  outbound: Outbound,
): Promise<Refusal | undefined> {
  const response = await outbound(uri, { headers: { accept: 'application/json' }, stranger: true })
  if (!response.ok || response.status !== 200) {
    const log = response.ok
      ? { status: response.status }
      : { outbound: response.reason, detail: response.detail }
    return refuse('invalid_client_metadata', 'sector_identifier_not_fetched', {
      description: 'sector_identifier_uri: can not be fetched',
      log,
    })
  }
  const listed = readList(response.body)
  return listed && redirectUris.every(one => listed.includes(one))
    ? undefined
    : refuse('invalid_client_metadata', 'sector_identifier_incomplete', {
        description: 'sector_identifier_uri: does not list every redirect URI',
      })
}

function readList(body: string): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(body)
    return Array.isArray(list) ? list : undefined
  } catch {
    return undefined
  }
}
