/** A native application: the user signs in with the system's browser. */

import { createAuthorizedFetch, createClient, createSession, fetchUserinfo, unwrap } from '@tessera/client'
import { signInWithLoopback } from '@tessera/client/node'

const gateway = process.env.GATEWAY ?? 'http://127.0.0.1:5092'
const client = createClient({ issuer: process.env.ISSUER ?? 'http://localhost:5080', client_id: 'desktop' })
const signedIn = unwrap(
  await signInWithLoopback(client, {
    scope: 'openid profile invoices.read reports offline_access',
    // Without it, the system's browser opens. This is for machines that have none.
    ...(process.env.PRINT_URL && { open: (url: string) => console.log(`Open ${url}`) }),
  }),
)
const { access_token, claims } = signedIn
const { name } = unwrap(await fetchUserinfo(client, access_token, claims?.sub ?? null))
console.log(`Hello, ${name}`)

const session = createSession(client)
await session.start(signedIn)
const callGateway = createAuthorizedFetch(session, { origins: [gateway] })
const response = await callGateway(`${gateway}/report`)
console.log(response.status, await response.text())
