/** Runs in a thread of its own (`passkey-thread.ts`), which loads the library: see there. */

import { parentPort } from 'node:worker_threads'
import {
  type VerifyAuthenticationResponseOpts,
  type VerifyRegistrationResponseOpts,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { withoutAttestation } from './attestation.ts'
import { isUsableKey } from './passkey-key.ts'

/** Calls of the thread. Each resolves to undefined if the browser's response, a JSON text, is invalid. */
export type PasskeyVerification = {
  /** Verifies the use of a passkey (WebAuthn Level 3 §7.2). */
  readonly authentication: (
    options: WithText<VerifyAuthenticationResponseOpts>,
  ) => Promise<UsedPasskey | undefined>
  /** Verifies a new passkey, without its attestation (§7.1). `usable`: its key is neither weak nor expensive to use. */
  readonly registration: (
    options: WithText<VerifyRegistrationResponseOpts>,
  ) => Promise<NewPasskey | undefined>
}

/** A text, because values that are nested too deeply can't be sent to a thread. */
type WithText<Options> = Omit<Options, 'response'> & { readonly response: string }

type UsedPasskey = Awaited<ReturnType<typeof verifyAuthenticationResponse>>['authenticationInfo']
type NewPasskey = NonNullable<Awaited<ReturnType<typeof verifyRegistrationResponse>>['registrationInfo']> & {
  readonly usable: boolean
}

const verification: PasskeyVerification = {
  async authentication(options) {
    const response = JSON.parse(options.response)
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({ ...options, response })
    return verified ? authenticationInfo : undefined
  },
  async registration(options) {
    const response = withoutAttestation(JSON.parse(options.response))
    const { verified, registrationInfo } = await verifyRegistrationResponse({ ...options, response })
    return verified
      ? { ...registrationInfo, usable: isUsableKey(registrationInfo.credential.publicKey) }
      : undefined
  },
}

export type Call = readonly [id: number, name: keyof PasskeyVerification, options: never]
export type Answer = readonly [id: number, result: unknown]

parentPort?.on('message', async ([id, name, options]: Call) => {
  // The library throws for every invalid input.
  const result = await verification[name](options).catch(() => undefined)
  parentPort?.postMessage([id, result] satisfies Answer)
})
