/** Sets up a second factor with a form: prepares the page, and checks the posted form. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { FindFactors } from '../../identity/factors.ts'
import { amrOf, type Passkeys } from '../../identity/passkeys.ts'
import type { RecoveryCodeBook } from '../../identity/recovery-codes.ts'
import type { Totp } from '../../identity/totp.ts'
import type { Events } from '../../model/events.ts'
import type { FactorMethod } from '../../model/mfa.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { EnrolmentPage } from '../ui/mfa-pages.ts'
import { browserOf, passkeyAnswerOf } from './page-form.ts'
import type { ProvenFactor } from './prove-factor.ts'
import type { NotifyOwner } from './security-notification.ts'

type Enrolled = ProvenFactor & {
  /** Created with the user's first factor, and shown once. */
  readonly recoveryCodes?: readonly string[]
}

export type FactorEnrolment = {
  /** Resolves to the content of the page. A form that was already shown keeps its secret. */
  readonly begin: (
    who: Enrolling,
    method: FactorMethod,
    page: { readonly browser: string; readonly form?: Parameters | undefined },
  ) => Promise<Pick<EnrolmentPage, 'totp' | 'ceremony'>>
  /** Refuses `access_denied`. */
  readonly finish: (
    request: HttpRequest,
    who: Enrolling,
    method: FactorMethod,
    form: Parameters,
  ) => Promise<Result<Enrolled>>
}

/** The user who sets up the factor, and a name that they recognize. */
export type Enrolling = { readonly sub: string; readonly username: string }

type EnrolmentPorts = {
  readonly totp: Totp
  readonly recoveryCodeBook: RecoveryCodeBook
  readonly passkeys: Passkeys
  readonly findFactors: FindFactors
  readonly notifyOwner: NotifyOwner
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
}

export function createFactorEnrolment(ports: EnrolmentPorts): FactorEnrolment {
  return {
    async begin({ sub, username }, method, { browser, form }) {
      if (method === 'passkey') {
        const names = { username, displayName: username }
        return { ceremony: await ports.passkeys.create({ browser, sub }, names) }
      }
      const ticket = form?.get('ticket')
      const begun = ticket === undefined ? undefined : await ports.totp.reopen(sub, username, ticket)
      return { totp: begun ?? (await ports.totp.begin(sub, username)) }
    },
    async finish(request, { sub }, method, form) {
      const enrolled = method === 'passkey' ? await addPasskey(request, sub, form) : await addTotp(sub, form)
      if (!enrolled.ok) return enrolled
      ports.log.info('second_factor_added', { ...requestFields(request), sub, method })
      ports.events.emit('user.factor_added', { sub, method })
      ports.notifyOwner(request, sub, `${method}_added`)
      const { totp, passkey, recoveryCodes } = await ports.findFactors(sub)
      // Codes from before the first factor are left over from one that was reset during its enrolment. Someone else may have
      // seen them.
      if (totp.length + passkey.length > 1 && recoveryCodes > 0) return enrolled
      return ok({ ...enrolled.value, recoveryCodes: await ports.recoveryCodeBook.create(sub) })
    },
  }

  async function addPasskey(
    request: HttpRequest,
    sub: string,
    form: Parameters,
  ): Promise<Result<ProvenFactor>> {
    const answer = passkeyAnswerOf(request, form)
    const name = form.get('name')?.trim() ?? ''
    const added = await ports.passkeys.register({ browser: browserOf(form), sub }, answer, name)
    return added.ok ? ok({ amr: amrOf(added.value), acr: 'phr' }) : added
  }

  async function addTotp(sub: string, form: Parameters): Promise<Result<ProvenFactor>> {
    const code = (form.get('code') ?? '').replaceAll(/\s/g, '')
    const outcome = await ports.totp.confirm(sub, form.get('ticket') ?? '', code)
    return outcome === 'added' ? ok({ amr: ['otp'], acr: '2' }) : refuse('access_denied', reasons[outcome])
  }
}

const reasons = { wrong: 'totp_wrong', gone: 'totp_enrolment_invalid' } as const
