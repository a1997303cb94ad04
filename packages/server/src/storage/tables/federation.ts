/** Tables of sign-in at other providers. */

import type { IdentityLink, UpstreamRequest, UpstreamSession } from '../../model/federation.ts'
import { tableFor } from './table.ts'

export const federationTables = {
  identityLinks: tableFor<IdentityLink>()({
    name: 'identity_links',
    columns: {
      provider: 'text',
      identity: 'text',
      sub: 'text',
      label: 'text',
      created_at: 'integer',
    },
    key: ['provider', 'identity'],
    archive: { kind: 'identity_links', addable: true, unsealed: true },
  }),
  upstreamSessions: tableFor<UpstreamSession>()({
    name: 'upstream_sessions',
    columns: {
      id: 'text',
      provider: 'text',
      identity: 'text',
      sub: 'text',
      upstream_sid: 'text',
      id_token: 'bytes',
      expires_at: 'integer',
    },
    key: ['id'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'upstream_sessions' },
  }),
  upstreamRequests: tableFor<UpstreamRequest>()({
    name: 'upstream_requests',
    columns: {
      hash: 'text',
      browser: 'text',
      provider: 'text',
      continuation: 'text',
      linking_sid: 'text',
      expires_at: 'integer',
    },
    key: ['hash'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'upstream_requests' },
  }),
}
