/** The pages of second factors: asking for one, and setting one up. */

import type { Page, PageContext, PageForm, Show } from './render.ts'
import type { Texts } from './texts.ts'

/** A WebAuthn ceremony: options for the browser, and a ticket that the form returns with the credential. */
export type Ceremony = { readonly options: string; readonly ticket: string }

export type SecondFactorMethod = 'totp' | 'passkey' | 'recovery_code'

/** Another method, to choose instead. */
type OtherMethod = { readonly method: SecondFactorMethod; readonly href: string }

export type FactorProblem = 'wrong' | 'used' | 'expired' | { readonly waitMinutes: number }

export type SecondFactorPage = {
  readonly form: PageForm
  readonly method: SecondFactorMethod
  /** For a passkey. */
  readonly ceremony?: Ceremony
  readonly others: readonly OtherMethod[]
  /** How many days the browser can be remembered, if that is offered. */
  readonly rememberDays?: number
  readonly problem?: FactorProblem
}

export type EnrolmentPage = {
  readonly form: PageForm
  readonly method: 'totp' | 'passkey'
  /** Whether the user must set it up. */
  readonly required: boolean
  readonly totp?: { readonly secret: string; readonly uri: string; readonly ticket: string }
  readonly ceremony?: Ceremony
  readonly others: readonly OtherMethod[]
  readonly problem?: FactorProblem
}

type RecoveryCodesPage = {
  readonly codes: readonly string[]
  /** Where the user continues. */
  readonly href: string
}

export type MfaPages = {
  readonly secondFactor: Page<SecondFactorPage>
  readonly enrolment: Page<EnrolmentPage>
  readonly recoveryCodes: Page<RecoveryCodesPage>
}

export const createMfaPages = (show: Show): MfaPages => ({
  secondFactor: (request, data, context = {}) =>
    show(request, 'second-factor', withScript(context, data), ({ mfa }) => ({
      ...data,
      title: mfa.title,
      lead: mfa.lead[data.method],
      problem: problemText(data.problem, data.method, mfa),
    })),
  async enrolment(request, data, context = {}) {
    const picture = data.totp && (await qrCode(data.totp.uri))
    return show(request, 'enrolment', withScript(context, data), ({ mfa }) => ({
      ...data,
      picture,
      title: mfa.enrol[data.method].title,
      lead: data.required ? mfa.enrol.required : mfa.enrol[data.method].lead,
      // In groups of four, which are easier to type.
      secret: data.totp?.secret.replaceAll(/(.{4})(?=.)/g, '$1 '),
      problem: problemText(data.problem, data.method, mfa),
    }))
  },
  recoveryCodes: (request, data, context = {}) =>
    show(request, 'recovery-codes', context, ({ mfa }) => ({ ...data, title: mfa.codes.title })),
})

/** Only passkeys need the script. */
const withScript = (context: PageContext, { ceremony }: { readonly ceremony?: Ceremony }): PageContext => ({
  ...context,
  withScript: ceremony !== undefined,
})

function problemText(
  problem: FactorProblem | undefined,
  method: SecondFactorMethod,
  { problems }: Texts['mfa'],
): string | undefined {
  if (problem === undefined) return undefined
  if (typeof problem === 'object') return problems.tooMany(problem.waitMinutes)
  return problem === 'wrong' ? problems.wrong[method] : problems[problem]
}

/** Returns a QR code (ISO/IEC 18004) as a `data:` URL of an SVG picture, for authenticator apps. */
async function qrCode(text: string): Promise<string> {
  const { default: qr } = await import('qrcode')
  const svg = await qr.toString(text, { type: 'svg', margin: 2, errorCorrectionLevel: 'M' })
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
}
