/** `application_type` of a client that registers (OpenID Connect Dynamic Client Registration 1.0 §2). */

import { loopbackHosts } from '@tessera/protocol/redirect-uri'
import type { ClientMetadata } from './client-metadata.ts'

/** Adds `application_type` to metadata with redirect URIs, unless they have it. */
export function withApplicationType<Metadata extends ClientMetadata>(metadata: Metadata): Metadata {
  const { application_type, redirect_uris = [] } = metadata
  return application_type !== undefined || redirect_uris.length === 0
    ? metadata
    : { ...metadata, application_type: redirect_uris.some(isOnDevice) ? 'native' : 'web' }
}

/** Returns whether an application on the user's device receives the response (RFC 8252 §7). */
function isOnDevice(uri: string): boolean {
  if (!URL.canParse(uri)) return false
  const { protocol, hostname } = new URL(uri)
  return !/^https?:$/.test(protocol) || loopbackHosts.has(hostname)
}
