/** `sector_identifier_uri` (OpenID Connect Dynamic Client Registration 1.0 §5): a list at an address of the sector names every redirection URI. */

import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Outbound } from '../../outbound/outbound.ts'
import { createSlots } from '../../outbound/slots.ts'

export type CheckSectorIdentifier = (
  uri: string,
  redirectUris: readonly string[],
) => Promise<Refusal | undefined>

/** Registrations that wait for such lists at once. */
const maxWaiting = 100

/**
 * Returns why the address does not vouch for the redirection URIs, as {@link checkSectorIdentifier} does; `temporarily_unavailable`
 * while too many wait for addresses of this host.
 */
export function createSectorIdentifierCheck(outbound: Outbound): CheckSectorIdentifier {
  const takeSlot = createSlots(maxWaiting)
  return async (uri, redirectUris) => {
    // No client is known yet: it is about to register.
    const giveBack = takeSlot({ client_id: uri, url: uri, trusted: false })
    if (!giveBack) return refuse('temporarily_unavailable', 'sector_identifiers_too_many_waiting')
    return checkSectorIdentifier(uri, redirectUris, outbound).finally(giveBack)
  }
}

/** Why the address does not vouch for these redirection URIs: `invalid_client_metadata`; undefined when it does. */
async function checkSectorIdentifier(
  uri: string,
  redirectUris: readonly string[],
  outbound: Outbound,
): Promise<Refusal | undefined> {
  const answer = await outbound(uri, { headers: { accept: 'application/json' }, stranger: true })
  if (!answer.ok || answer.status !== 200) {
    const log = answer.ok ? { status: answer.status } : { outbound: answer.reason, detail: answer.detail }
    return refuse('invalid_client_metadata', 'sector_identifier_not_fetched', {
      description: 'sector_identifier_uri: it can not be fetched',
      log,
    })
  }
  const listed = readList(answer.body)
  return listed && redirectUris.every(one => listed.includes(one))
    ? undefined
    : refuse('invalid_client_metadata', 'sector_identifier_incomplete', {
        description: 'sector_identifier_uri: it does not list every redirect URI',
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
