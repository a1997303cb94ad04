/** Sign-in with a passkey alone. With user verification it counts as two factors, and no user name is needed. */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Client } from '../model/client.ts'
import type { MfaPolicy } from '../model/mfa.ts'
import { type CheckedSubject, localProvider, type Profile, type Users } from '../model/user.ts'
import type { Clock } from '../runtime/ports.ts'
import type { AccessEndings } from './access-endings.ts'
import { amrOf, type PasskeyAnswer, type Passkeys } from './passkeys.ts'
import { mayUseProvider } from './provider-access.ts'

type PasskeySignInRequest = {
  readonly browser: string
  readonly answer: PasskeyAnswer
  /** Omitted: the server's own account pages. */
  readonly client?: Client
  readonly tenant?: string
}

export type PasskeySignIn = {
  readonly isOffered: (client: Client | undefined) => boolean
  /** Refuses `access_denied` as `Passkeys.verify` does, and for users who may not sign in here. */
  readonly signIn: (request: PasskeySignInRequest) => Promise<Result<CheckedSubject>>
}

type PasskeySignInPorts = {
  readonly mfa: MfaPolicy
  readonly passkeys: Passkeys
  readonly users: Pick<Users, 'find' | 'isShared'>
  readonly profile: Pick<Profile, 'isActive'>
  readonly accessEndings: Pick<AccessEndings, 'latest'>
  readonly clock: Clock
}

export function createPasskeySignIn({
  mfa,
  passkeys,
  users,
  profile,
  accessEndings,
  clock,
}: PasskeySignInPorts): PasskeySignIn {
  const isOffered: PasskeySignIn['isOffered'] = client =>
    mfa.mode !== 'off' && mfa.methods.includes('passkey') && mayUseProvider(client, localProvider)

  return {
    isOffered,
    async signIn({ browser, answer, client, tenant }) {
      if (!isOffered(client)) return refuse('access_denied', 'passkey_sign_in_not_offered')
      const proof = await passkeys.verify({ browser }, answer)
      if (!proof.ok) return proof
      const { sub } = proof.value.passkey
      if (await users.isShared(sub)) return refuse('access_denied', 'stored_user_hidden', { log: { sub } })
      const ending = await accessEndings.latest(sub)
      const record = await users.find(sub)
      // A user who exists only at a provider must sign in there, because the provider may have removed them.
      if (!record || record.tenant !== tenant)
        return refuse('access_denied', 'passkey_of_another_place', { log: { sub } })
      const subject: CheckedSubject = {
        sub,
        tenant,
        idp: localProvider,
        amr: [...amrOf(proof.value), 'mfa'],
        acr: 'phr',
        auth_time: clock.now(),
        epoch: record.epoch,
        ...(record.epoch === undefined && { ending }),
      }
      const active = await profile.isActive({ subject, ...(client && { client_id: client.client_id }) })
      return active ? ok(subject) : refuse('access_denied', 'user_inactive', { log: { sub } })
    },
  }
}
