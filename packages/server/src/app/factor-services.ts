/** Second factors: registering and proving them. */

import type { Configuration } from '../configuration/configuration.ts'
import { type CountFactorGuess, createFactorGuessCounter } from '../identity/factors.ts'
import { createPasskeyChallenges } from '../identity/passkey-challenge.ts'
import { createPasskeySignIn, type PasskeySignIn } from '../identity/passkey-sign-in.ts'
import { createPasskeys, type Passkeys } from '../identity/passkeys.ts'
import { createRecoveryCodeBook, type RecoveryCodeBook } from '../identity/recovery-codes.ts'
import { createTotp } from '../identity/totp.ts'
import { createSealing } from '../keys/sealing.ts'
import type { ManagedEvents } from '../operations/events/events.ts'
import { createOverloadLog } from '../operations/overload.ts'
import { createFactorEnrolment, type FactorEnrolment } from '../pages/flow/enrol-factor.ts'
import { createFactorProver, type ProveFactor } from '../pages/flow/prove-factor.ts'
import type { MailServices } from './mail-services.ts'
import type { Services } from './services.ts'

export type FactorServices = {
  readonly recoveryCodeBook: RecoveryCodeBook
  readonly passkeys: Passkeys
  readonly passkeySignIn: PasskeySignIn
  readonly proveFactor: ProveFactor
  readonly factorEnrolment: FactorEnrolment
}

export function createFactorServices(
  { issuer, mfa }: Configuration,
  { context, attempts: { countAttempt }, signIn: { users, profile, findFactors, accessEndings } }: Services,
  { notifyOwner }: MailServices,
): FactorServices {
  const { stores, derived, clock, random, log, events } = context
  const issuerName = new URL(issuer).host
  const sealing = createSealing({ derived, purpose: 'totp' })
  const totp = createTotp({ issuerName, stores, sealing, clock, random })
  const recoveryCodeBook = noteNewCodes(createRecoveryCodeBook({ stores, derived, random }), events.note)
  const challenges = createPasskeyChallenges({ stores, derived, clock, random })
  const onFull = createOverloadLog({ log, clock, queue: 'passkeys' })
  const passkeys = createPasskeys({ issuer, issuerName, challenges, stores, derived, clock, log, onFull })
  const countFactorGuess: CountFactorGuess = createFactorGuessCounter({ countAttempt })
  return {
    recoveryCodeBook,
    passkeys,
    passkeySignIn: noteRefusals(
      createPasskeySignIn({
        mfa,
        passkeys,
        users,
        profile,
        accessEndings,
        clock,
      }),
      events.note,
    ),
    proveFactor: noteWrongFactors(
      createFactorProver({ totp, recoveryCodeBook, passkeys, countFactorGuess, notifyOwner, log }),
      events.note,
    ),
    factorEnrolment: createFactorEnrolment({
      totp,
      recoveryCodeBook,
      passkeys,
      findFactors,
      notifyOwner,
      log,
      events,
    }),
  }
}

type Note = ManagedEvents['note']

/** Records that recovery codes were replaced: whoever has them can sign in without the factors. */
const noteNewCodes = ({ create, redeem }: RecoveryCodeBook, note: Note): RecoveryCodeBook => ({
  redeem,
  async create(sub) {
    const codes = await create(sub)
    note('user.recovery_codes_replaced', { sub })
    return codes
  },
})

/** Records wrong second factors. */
const noteWrongFactors =
  (prove: ProveFactor, note: Note): ProveFactor =>
  async (request, sub, method, form) => {
    const proven = await prove(request, sub, method, form)
    if (!proven.ok) note('user.sign_in_failed', { sub, reason: proven.reason })
    return proven
  }

/** Records sign-ins by a passkey that are refused. */
const noteRefusals = ({ isOffered, signIn }: PasskeySignIn, note: Note): PasskeySignIn => ({
  isOffered,
  async signIn(request) {
    const signedIn = await signIn(request)
    if (signedIn.ok) return signedIn
    const { client } = request
    note('user.sign_in_failed', {
      ...(client && { client_id: client.client_id }),
      reason: signedIn.reason,
    })
    return signedIn
  },
})
