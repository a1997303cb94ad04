/** `sector_identifier_uri` (OpenID Connect Dynamic Client Registration 1.0 §5): a list at an address of the sector names every redirection URI. */

import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Outbound } from '../outbound/outbound.ts'

/** Why the address does not vouch for these redirection URIs: `invalid_client_metadata`; undefined when it does. */
export async function sectorFault(
  uri: string,
  redirectUris: readonly string[],
  outbound: Outbound,
): Promise<Refusal | undefined> {
  const answer = await outbound(uri, { headers: { accept: 'application/json' } })
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
