/** Time-based one-time passwords (RFC 6238): six digits, 30 seconds and SHA-1, which every authenticator app supports. */

import { totpSecretName } from '../model/factor.ts'
import type { Sealing } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Clock, Random } from '../runtime/ports.ts'

export type Totp = {
  /** Creates a secret, which takes effect when the user confirms it. */
  readonly begin: (sub: string, label: string) => Promise<TotpEnrolment>
  /** Returns an earlier enrolment again; undefined if it belongs to another user or is older than an hour. */
  readonly reopen: (sub: string, label: string, ticket: string) => Promise<TotpEnrolment | undefined>
  /** Stores the secret if the code is correct, which proves that the user's app has the secret. */
  readonly confirm: (sub: string, ticket: string, code: string) => Promise<'added' | 'wrong' | 'gone'>
  /**
   * Stores a secret in base32 that another server shared with the user's app. Codes of the past are refused, because they
   * may have been used there. Returns false if the user has a secret.
   */
  readonly adopt: (sub: string, secret: string) => Promise<boolean>
  /** Returns `used` for a correct code that was used before: each is accepted once (RFC 6238 §5.2). */
  readonly verify: (sub: string, code: string) => Promise<'right' | 'wrong' | 'used'>
}

type TotpEnrolment = {
  /** Base32. */
  readonly secret: string
  /** `otpauth://totp/…`, for the QR code. */
  readonly uri: string
  /** The sealed secret, for a form. */
  readonly ticket: string
}

type TotpPorts = {
  /** The issuer's name, which the app shows. */
  readonly issuerName: string
  readonly stores: Pick<Stores, 'totpSecrets'>
  readonly sealing: Sealing
  readonly clock: Clock
  readonly random: Random
}

const period = 30
/** RFC 6238 §5.2: allows one step of delay or of clock drift. */
const window = 1
const secretBytes = 20
const enrolmentLifetime = 3600

export function createTotp({ issuerName, stores: { totpSecrets }, sealing, clock, random }: TotpPorts): Totp {
  const library = () => import('otpauth')

  /** Returns the time step of a code; undefined for a wrong code. */
  async function stepOf(secret: string, code: string): Promise<number | undefined> {
    const { Secret, TOTP } = await library()
    const now = clock.now()
    const delta = TOTP.validate({
      token: code,
      secret: Secret.fromBase32(secret),
      period,
      window,
      timestamp: now * 1000,
    })
    return delta === null ? undefined : Math.floor(now / period) + delta
  }

  async function enrolment(
    sub: string,
    label: string,
    secret: string,
    until: number,
  ): Promise<TotpEnrolment> {
    const { Secret, TOTP } = await library()
    const totp = new TOTP({ issuer: issuerName, label, secret: Secret.fromBase32(secret), period })
    const sealed = sealing.seal(JSON.stringify({ secret, until }), enrolmentOf(sub))
    return { secret, uri: totp.toString(), ticket: Buffer.from(sealed).toString('base64url') }
  }

  function open(sub: string, ticket: string): { secret: string; until: number } | undefined {
    const sealed = Buffer.from(ticket, 'base64url')
    // Several base64url texts decode to the same bytes. Only the canonical one is accepted.
    if (sealed.toString('base64url') !== ticket) return undefined
    try {
      const opened = JSON.parse(sealing.open(sealed, enrolmentOf(sub)))
      return opened.until > clock.now() ? opened : undefined
    } catch {
      return undefined
    }
  }

  return {
    async begin(sub, label) {
      const { Secret } = await library()
      const secret = new Secret({ buffer: random.bytes(secretBytes).slice().buffer }).base32
      return enrolment(sub, label, secret, clock.now() + enrolmentLifetime)
    },
    async reopen(sub, label, ticket) {
      const opened = open(sub, ticket)
      return opened && enrolment(sub, label, opened.secret, opened.until)
    },
    async confirm(sub, ticket, code) {
      const opened = open(sub, ticket)
      if (!opened) return 'gone'
      const step = await stepOf(opened.secret, code)
      if (step === undefined) return 'wrong'
      const added = await totpSecrets.add({
        sub,
        sealed: sealing.seal(opened.secret, totpSecretName(sub)),
        last_step: step,
        created_at: clock.now(),
      })
      return added ? 'added' : 'gone'
    },
    adopt: async (sub, secret) =>
      totpSecrets.add({
        sub,
        sealed: sealing.seal(secret, totpSecretName(sub)),
        last_step: Math.floor(clock.now() / period),
        created_at: clock.now(),
      }),
    async verify(sub, code) {
      const stored = await totpSecrets.find(sub)
      const step = stored && (await stepOf(sealing.open(stored.sealed, totpSecretName(sub)), code))
      if (step === undefined) return 'wrong'
      return (await totpSecrets.use(sub, step)) ? 'right' : 'used'
    },
  }
}

const enrolmentOf = (sub: string): string => `totp-enrolment ${sub}`
