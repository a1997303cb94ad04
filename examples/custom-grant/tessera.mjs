// A grant of one's own: a ticket that was sold elsewhere is exchanged, once, for an access token.
//
//   npm run -s tessera -- serve --config examples/custom-grant/tessera.mjs --port 5080
//   curl -s -u turnstile:turnstile-secret http://localhost:5080/connect/token \
//     -d grant_type=urn:example:ticket -d ticket=row-7-seat-12
//
// The guide: docs/guides/extension-grants.md

import { defineConfig, defineGrant } from '@tessera/server'

// begin: grant
/** A real implementation asks a ticket office. */
const sold = new Map([['row-7-seat-12', { sub: 'guest-12', gate: 'north' }]])

const ticket = defineGrant({
  grantType: 'urn:example:ticket',
  parameters: { ticket: { required: true, maxLength: 100 } },
  decide({ parameters }, { now }) {
    const number = parameters.get('ticket')
    const found = sold.get(number)
    if (!found) return { ok: false, reason: 'ticket_unknown', description: 'no such ticket' }
    return {
      ok: true,
      subject: { sub: found.sub, amr: ['ticket'], claims: { gate: found.gate } },
      // Used once: a second use within a day is invalid_grant, on every node.
      uses: { id: number, expires_at: now + 86_400 },
    }
  },
})
// end

export default defineConfig({
  storage: 'memory:',
  grants: [ticket],
  clients: [
    {
      client_id: 'turnstile',
      client_secrets: [{ value: 'turnstile-secret' }],
      grant_types: ['urn:example:ticket'],
      scope: 'enter',
    },
  ],
  api_scopes: [{ name: 'enter', claims: ['gate'] }],
  api_resources: [{ name: 'urn:example:stadium', scopes: ['enter'] }],
})
