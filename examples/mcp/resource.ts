/** Finds out where an MCP server gets its tokens from (RFC 9728). */

import { type ApiChallenge, challengeOf } from '@tessera/client'
import { type ProtectedResourceMetadata, protectedResourceUrl } from '@tessera/client/api'

export type Resource = {
  /** The name of the server at its authorization server; undefined if it publishes no metadata. */
  readonly resource: string | undefined
  readonly issuer: string
  readonly scopes_supported: readonly string[]
}

/** Returns the challenge of a refused request. */
export const challengeIn = (response: Response): ApiChallenge | undefined =>
  challengeOf(response) ?? challengeOf(response, 'DPoP')

/** Requests the metadata of the MCP server where its challenge says, or else at the well-known places. */
export async function findResource(server: string, challenge: ApiChallenge | undefined): Promise<Resource> {
  const { origin } = new URL(server)
  const named = challenge?.resource_metadata
  const places = named === undefined ? [protectedResourceUrl(server), protectedResourceUrl(origin)] : [named]
  for (const place of places) {
    const response = await fetch(place, { headers: { accept: 'application/json' } })
    if (!response.ok) continue
    const document = (await response.json()) as ProtectedResourceMetadata
    const { resource, authorization_servers, scopes_supported = [] } = document
    // Another server's metadata would get the user's token for that server (RFC 9728 §3.3).
    if (!isNameOf(resource, server)) throw new Error(`${place} is the metadata of ${resource}`)
    return { resource, issuer: authorization_servers?.[0] ?? origin, scopes_supported }
  }
  // Servers of 2025-03-26 have no metadata: each is its own authorization server.
  return { resource: undefined, issuer: origin, scopes_supported: [] }
}

/** Returns whether the name is the URL of the server, or one above it. */
function isNameOf(resource: string, server: string): boolean {
  if (!URL.canParse(resource)) return false
  const [name, url] = [new URL(resource), new URL(server)]
  const path = name.pathname.replace(/\/?$/, '/')
  return name.origin === url.origin && `${url.pathname}/`.startsWith(path)
}
