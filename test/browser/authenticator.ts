/** An authenticator for passkeys, in Chromium. */

import type { CDPSession } from 'playwright-core'

/** Adds an authenticator that always confirms to the page of this session; returns its id. */
export async function plugIn(devtools: CDPSession): Promise<string> {
  await devtools.send('WebAuthn.enable')
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true },
      ...{ hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    },
  })
  return authenticatorId
}
