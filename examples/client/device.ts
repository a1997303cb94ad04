/** A device without a browser, in a terminal. */

import { createClient, pollDeviceToken, startDeviceAuthorization, unwrap } from '@tessera/client'

const client = createClient({ issuer: process.env.ISSUER ?? 'http://localhost:5080', client_id: 'tv' })
const device = unwrap(await startDeviceAuthorization(client, { scope: 'openid profile invoices.read' }))
console.log(`Open ${device.verification_uri} and enter ${device.user_code},`)
console.log(`or open ${device.verification_uri_complete}`)

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
const tokens = await pollDeviceToken(client, device, {
  signal: stop.signal,
  progress: ({ state, expires_at }) => {
    if (state === 'unreachable') console.log('no network, trying again')
    const seconds = Math.round(expires_at - Date.now() / 1000)
    process.stderr.write(`\rwaiting, ${seconds} s left `)
  },
})
if (tokens.ok) console.log(`\nallowed: ${tokens.value.scope}`)
else console.log(`\nno access: ${tokens.error.message}`)
