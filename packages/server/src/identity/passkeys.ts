/** Passkeys (WebAuthn Level 3 §7): registration by a signed-in user, and authentication. */

import { createHmac } from 'node:crypto'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Passkey } from '../model/factor.ts'
import type { DerivedKeys } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import { QueueFull } from '../runtime/async/fair-queue.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import type { ChallengeScope, PasskeyChallenges } from './passkey-challenge.ts'
import { passkeyThread } from './passkey-thread.ts'

/** The input of `navigator.credentials` in the browser, and the ticket that the form returns with the result. */
type PasskeyCeremony = {
  /** `PublicKeyCredentialRequestOptionsJSON` or `…CreationOptionsJSON` (WebAuthn Level 3 §5.1.9, §5.1.10). */
  readonly options: string
  readonly ticket: string
}

type PasskeyProof = {
  readonly passkey: Passkey
  /** Whether the authenticator verified the user (PIN, fingerprint or face). If so, the passkey counts as two factors. */
  readonly userVerified: boolean
}

export type Passkeys = {
  /** Requests a passkey of one user, or any discoverable passkey if `sub` is omitted. */
  readonly request: (scope: PasskeyScope) => Promise<PasskeyCeremony>
  /**
   * Verifies a response (§7.2). Refuses `access_denied` if the challenge, origin, relying party or signature is wrong, if the
   * passkey is unknown or of another user, if the counter did not increase, or if `sub` is omitted and the user was not
   * verified.
   */
  readonly verify: (scope: PasskeyScope, answer: PasskeyAnswer) => Promise<Result<PasskeyProof>>
  readonly create: (scope: Owner, names: UserNames) => Promise<PasskeyCeremony>
  /**
   * Ignores an attestation, which was not requested (§7.1). Refuses `access_denied` as {@link verify}, if the
   * user already has {@link mostPasskeys}, and for an RSA key that makes each verification slow.
   */
  readonly register: (scope: Owner, answer: PasskeyAnswer, name: string) => Promise<Result<PasskeyProof>>
}

type PasskeyScope = { readonly browser: string; readonly sub?: string }
type Owner = PasskeyScope & { readonly sub: string }
export type PasskeyAnswer = {
  readonly ticket: string
  readonly credential: string
  /** The network of the request. */
  readonly from: string
}
type UserNames = { readonly username: string; readonly displayName: string }

type PasskeyPorts = {
  readonly issuer: string
  /** The relying party's name, which the browser shows. */
  readonly issuerName: string
  readonly challenges: PasskeyChallenges
  readonly stores: Pick<Stores, 'passkeys'>
  readonly derived: DerivedKeys
  readonly clock: Clock
  readonly log: Log
  /** Called for each response that is refused because too many wait to be verified. */
  readonly onFull: () => void
}

export const mostPasskeys = 10
const timeout = 300_000
/** COSE algorithms: EdDSA, ES256, RS256 (RFC 9053 §2, RFC 8812 §2). */
const algorithms = [-8, -7, -257]

export function createPasskeys(ports: PasskeyPorts): Passkeys {
  const { issuer, issuerName, challenges, stores, derived, clock, log, onFull } = ports
  const { origin, hostname: rpId } = new URL(issuer)
  const key = derived.permanent('passkey-user')
  /** Returns the user handle: the same for all passkeys of a user, and without personal information (§14.6.1). */
  const userHandleOf = (sub: string): string => createHmac('sha256', key).update(sub).digest('base64url')

  /** Reports a call of the thread that it had no place for. */
  const inTurn = <Value>(call: Promise<Value>): Promise<Value> =>
    call.catch(error => {
      if (error instanceof QueueFull) onFull()
      throw error
    })

  const requestScope = ({ browser, sub }: PasskeyScope): ChallengeScope =>
    sub === undefined ? { browser, purpose: 'sign_in' } : { browser, purpose: 'second_factor', sub }

  return {
    async request(scope) {
      const { challenge, ticket } = challenges.issue(requestScope(scope))
      const { sub } = scope
      const options = {
        challenge,
        rpId,
        timeout,
        userVerification: sub === undefined ? 'required' : 'preferred',
        allowCredentials: sub === undefined ? [] : (await stores.passkeys.of(sub)).map(descriptorOf),
      }
      return { options: JSON.stringify(options), ticket }
    },

    async verify(scope, answer) {
      const response = parseCredential(answer.credential)
      if (!response || isTooLong(response.response)) return refuse('access_denied', 'passkey_malformed')
      const asked = requestScope(scope)
      const expectedChallenge = challenges.read(asked, answer.ticket)
      if (expectedChallenge === undefined) return refuse('access_denied', 'passkey_challenge_invalid')
      const passkey = await stores.passkeys.find(response.id)
      if (!passkey || (scope.sub !== undefined && passkey.sub !== scope.sub))
        return refuse('access_denied', 'passkey_unknown')
      const { sub, id } = passkey
      const { userHandle } = response.response
      if (userHandle && !equalInConstantTime(userHandle, userHandleOf(sub)))
        return refuse('access_denied', 'passkey_of_another_user', { log: { sub } })
      const used = await inTurn(
        passkeyThread.authentication(
          {
            response: answer.credential,
            expectedChallenge,
            expectedOrigin: origin,
            expectedRPID: rpId,
            requireUserVerification: scope.sub === undefined,
            // The store compares the counter in the same write, so that one of two concurrent uses is refused.
            credential: { id, publicKey: new Uint8Array(passkey.public_key), counter: 0 },
          },
          answer.from,
        ),
      )
      if (!used) return refuse('access_denied', 'passkey_proof_wrong', { log: { sub } })
      if (!(await challenges.redeem(asked, answer.ticket)))
        return refuse('access_denied', 'passkey_challenge_invalid', { log: { sub } })
      const { newCounter: counter, credentialBackedUp: backed_up, userVerified } = used
      if (!(await stores.passkeys.use(id, { counter, backed_up, at: clock.now() }))) {
        // §7.2: the authenticator may have been cloned.
        log.warn('passkey_counter_regressed', { sub, counter, last_counter: passkey.counter })
        return refuse('access_denied', 'passkey_counter_regressed', { log: { sub } })
      }
      return ok({ passkey, userVerified })
    },

    async create({ browser, sub }, { username, displayName }) {
      const { challenge, ticket } = challenges.issue({ browser, purpose: 'register', sub })
      const options = {
        rp: { id: rpId, name: issuerName },
        user: { id: userHandleOf(sub), name: username, displayName },
        challenge,
        pubKeyCredParams: algorithms.map(alg => ({ type: 'public-key', alg })),
        timeout,
        excludeCredentials: (await stores.passkeys.of(sub)).map(descriptorOf),
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
        attestation: 'none',
      }
      return { options: JSON.stringify(options), ticket }
    },

    async register({ browser, sub }, answer, name) {
      const response = parseCredential(answer.credential)
      if (!response) return refuse('access_denied', 'passkey_malformed')
      const asked: ChallengeScope = { browser, purpose: 'register', sub }
      const expectedChallenge = challenges.read(asked, answer.ticket)
      if (expectedChallenge === undefined) return refuse('access_denied', 'passkey_challenge_invalid')
      const registered = await inTurn(
        passkeyThread.registration(
          {
            response: answer.credential,
            expectedChallenge,
            expectedOrigin: origin,
            expectedRPID: rpId,
            requireUserVerification: false,
            supportedAlgorithmIDs: algorithms,
          },
          answer.from,
        ),
      )
      if (!registered) return refuse('access_denied', 'passkey_proof_wrong', { log: { sub } })
      if (!registered.usable) return refuse('access_denied', 'passkey_not_added', { log: { sub } })
      if (!(await challenges.redeem(asked, answer.ticket)))
        return refuse('access_denied', 'passkey_challenge_invalid', { log: { sub } })
      const { credential, credentialDeviceType, credentialBackedUp, userVerified } = registered
      const passkey: Passkey = {
        id: credential.id,
        sub,
        public_key: credential.publicKey,
        counter: credential.counter,
        transports: credential.transports?.filter(isTransport) ?? [],
        backup_eligible: credentialDeviceType === 'multiDevice',
        backed_up: credentialBackedUp,
        name,
        created_at: clock.now(),
      }
      const added = await stores.passkeys.add(passkey, mostPasskeys)
      return added
        ? ok({ passkey, userVerified })
        : refuse('access_denied', 'passkey_not_added', { log: { sub } })
    },
  }
}

/** Returns the methods of a proof (RFC 8176 §2): `swk` for a key that can be synced, `hwk` otherwise, and `user` for presence. */
export const amrOf = ({ passkey }: PasskeyProof): readonly string[] => [
  passkey.backup_eligible ? 'swk' : 'hwk',
  'user',
]

const descriptorOf = ({ id, transports }: Passkey) => ({ type: 'public-key', id, transports })

/** Returns whether a value has the format of a transport (WebAuthn Level 3 §5.8.4), which browsers may extend. */
const isTransport = (text: unknown): boolean => typeof text === 'string' && /^[a-z-]{1,20}$/.test(text)

type CredentialJson = {
  readonly id: string
  readonly response: {
    readonly userHandle?: string
    readonly attestationObject?: unknown
    readonly authenticatorData?: unknown
  }
}

/**
 * Characters in base64url of 37 bytes and the outputs of extensions (WebAuthn Level 3 §6.1), of which none is requested. The
 * library takes 45 ms to decode 11 KB of them.
 */
const mostAuthenticatorData = 1000

const isTooLong = ({ authenticatorData }: CredentialJson['response']): boolean =>
  typeof authenticatorData === 'string' && authenticatorData.length > mostAuthenticatorData

function parseCredential(text: string): CredentialJson | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { id, response } = value as Record<string, unknown>
  if (typeof id !== 'string' || id.length > 1400 || typeof response !== 'object' || response === null)
    return undefined
  const { userHandle } = response as Record<string, unknown>
  return userHandle === undefined || userHandle === null || typeof userHandle === 'string'
    ? (value as CredentialJson)
    : undefined
}
