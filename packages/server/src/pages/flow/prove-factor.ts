/** Checks a second factor from a form: a code of an app, a recovery code or a passkey. Codes are counted before they are checked. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { doCounted } from '../../identity/attempts.ts'
import type { CountFactorGuess } from '../../identity/factors.ts'
import { amrOf, type Passkeys } from '../../identity/passkeys.ts'
import type { RecoveryCodeBook } from '../../identity/recovery-codes.ts'
import type { Totp } from '../../identity/totp.ts'
import type { Acr } from '../../model/mfa.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { SecondFactorMethod } from '../ui/mfa-pages.ts'
import { browserOf, passkeyAnswerOf } from './page-form.ts'
import type { NotifyOwner } from './security-notification.ts'

/** Added to the sign-in or the session. */
export type ProvenFactor = {
  /** RFC 8176 §2. */
  readonly amr: readonly string[]
  readonly acr: Acr
}

/** Refuses with `access_denied`. Sets `retry_after` after too many wrong codes. */
export type ProveFactor = (
  request: HttpRequest,
  sub: string,
  method: SecondFactorMethod,
  form: Parameters,
) => Promise<Result<ProvenFactor>>

type ProvePorts = {
  readonly totp: Totp
  readonly recoveryCodeBook: RecoveryCodeBook
  readonly passkeys: Passkeys
  readonly countFactorGuess: CountFactorGuess
  readonly notifyOwner: NotifyOwner
  readonly log: Log
}

const oneTimePassword: ProvenFactor = { amr: ['otp'], acr: '2' }

export function createFactorProver(ports: ProvePorts): ProveFactor {
  return async (request, sub, method, form) => {
    const proven =
      method === 'passkey' ? await byPasskey(request, sub, form) : await byCode(sub, method, form)
    if (!proven.ok) return proven
    ports.log.info('second_factor_proven', { ...requestFields(request), sub, method })
    if (method === 'recovery_code') ports.notifyOwner(request, sub, 'recovery_code_used')
    return proven
  }

  async function byPasskey(
    request: HttpRequest,
    sub: string,
    form: Parameters,
  ): Promise<Result<ProvenFactor>> {
    const proof = await ports.passkeys.verify(
      { browser: browserOf(form), sub },
      passkeyAnswerOf(request, form),
    )
    return proof.ok ? ok({ amr: amrOf(proof.value), acr: 'phr' }) : proof
  }

  async function byCode(
    sub: string,
    method: 'totp' | 'recovery_code',
    form: Parameters,
  ): Promise<Result<ProvenFactor>> {
    const counted = await ports.countFactorGuess(sub)
    if (!counted.ok) return counted
    const typed = form.get('code') ?? ''
    const check = async () => {
      if (method === 'totp') return ports.totp.verify(sub, typed.replaceAll(/\s/g, ''))
      return (await ports.recoveryCodeBook.redeem(sub, typed)) ? 'right' : 'wrong'
    }
    const outcome = await doCounted(counted.value, check, found => found !== 'right')
    if (outcome !== 'right') return refuse('access_denied', reasons[method][outcome], { log: { sub } })
    return ok(oneTimePassword)
  }
}

const reasons = {
  totp: { wrong: 'totp_wrong', used: 'totp_used' },
  recovery_code: { wrong: 'recovery_code_wrong', used: 'recovery_code_wrong' },
} as const
