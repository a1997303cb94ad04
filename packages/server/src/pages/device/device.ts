/**
 * The verification page (RFC 8628 §3.3, §3.3.1): enter the code → sign in → compare, then approve or deny.
 * A prefilled code is confirmed like a typed one, and wrong codes are limited (§5.1, §5.4).
 */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import { type AttemptKey, type CountAttempt, doCounted } from '../../identity/attempts.ts'
import { countedKeys } from '../../identity/counted-keys.ts'
import type { DeviceAuthorization, Session } from '../../model/authorization.ts'
import type { Client, Clients } from '../../model/client.ts'
import { withAgreement } from '../../model/consent.ts'
import type { Events } from '../../model/events.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Resources } from '../../model/resource.ts'
import type { Profile, Users } from '../../model/user.ts'
import { networkKeys, networkOf, requestFields } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { CreateAuthorization } from '../../tokens/new-authorization.ts'
import type { BrowserRequests, PageRequest } from '../flow/browser-request.ts'
import type { Continuation } from '../flow/continuation.ts'
import { tooManyAttempts } from '../flow/form-problem.ts'
import { type NextPrompt, nextPrompt } from '../flow/next-prompt.ts'
import type { LackingSecondFactor } from '../flow/second-factor.ts'
import { findByUserCode, type UserCodes } from '../flow/user-code.ts'
import { agreedOf, agreesToNothing, scopeLines, userName } from '../flow/view-model.ts'
import type { DevicePage, Pages } from '../ui/pages.ts'

type DevicePorts = {
  readonly browserRequests: BrowserRequests
  readonly lackingSecondFactor: LackingSecondFactor
  readonly profile: Pick<Profile, 'isActive'>
  readonly countAttempt: CountAttempt
  readonly userCodes: UserCodes
  readonly createAuthorization: CreateAuthorization
  readonly clients: Clients
  readonly resources: Resources
  readonly users: Pick<Users, 'find'>
  readonly stores: Pick<Stores, 'devices' | 'consents' | 'authorizations'>
  readonly pages: Pages
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'prepare'>
}

/** RFC 8628 §5.1: limit on wrong codes from one network or one user. */
const guesses = { most: 10, span: 600 } as const

type DeviceContinuation = Continuation & { readonly kind: 'device' }
/** A device that waits for approval, with its client. */
type Waiting = { readonly device: DeviceAuthorization; readonly client: Client }

/** `GET` and `POST /device`. */
export function createDeviceEndpoint(ports: DevicePorts): Endpoint {
  const { userCodes, clock } = ports

  return ports.browserRequests.page('device', async page => {
    const sealed = page.form.get('continue')
    const typed = page.form.get('user_code')
    if (sealed === undefined)
      return page.posted ? enterCode(page, typed ?? '') : askCode(page, { user_code: typed })
    const opened = await page.openContinuation(sealed, 'elsewhere')
    if (!opened.ok) return opened.respond()
    const continuation = opened.value
    if (continuation.kind !== 'device') {
      return page.refuse(refuse('invalid_request', 'continuation_invalid'))
    }
    return page.posted ? decide(page, continuation) : confirm(page, continuation)
  })

  /** Shows the form for the code. */
  function askCode(
    page: PageRequest,
    more: Omit<DevicePage, 'form'>,
    context: { status?: number; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<HttpResponse> {
    const data = { form: page.pageForm('/device'), ...more }
    return ports.pages.device(page.request, data, { ...page.formContext(), ...context })
  }

  /** Checks a code that was typed, or prefilled and confirmed. */
  async function enterCode(page: PageRequest, typed: string): Promise<HttpResponse> {
    const session = await page.readSession()
    const counted = await ports.countAttempt(guessers(networkOf(page.request), session))
    if (!counted.ok) {
      page.logRefusal(refuse('slow_down', 'user_code_guesses_exhausted'))
      const { problem, context } = tooManyAttempts(counted.wait)
      return askCode(page, { user_code: typed, problem }, context)
    }
    const user_code = userCodes.normalise(typed)
    const find = () => (user_code === undefined ? undefined : findWaiting(user_code))
    const waiting = await doCounted(counted.forgive, find, found => !found)
    if (!waiting || user_code === undefined) {
      page.logRefusal(refuse('invalid_request', 'user_code_unknown'))
      return askCode(page, { user_code: typed, problem: 'wrong' }, { status: 400 })
    }
    const asked_at = clock.now()
    const prior_handle = session?.hash ?? null
    return redirect(page, '/device', { kind: 'device', user_code, asked_at, prior_handle })
  }

  /** Asks the user to confirm, after a sign-in if necessary. */
  async function confirm(page: PageRequest, continuation: DeviceContinuation): Promise<HttpResponse> {
    const { outcome, refused, user_code } = continuation
    if (outcome !== undefined) return ports.pages.deviceOutcome(page.request, outcome)
    if (refused !== undefined) return askCode(page, {})
    const waiting = await findWaiting(user_code)
    if (!waiting) return ports.pages.deviceOutcome(page.request, 'gone')
    const { next, session } = await signInState(page, continuation, waiting)
    if (next === 'second_factor') {
      return redirect(page, '/mfa', { ...continuation, stepping_sid: session?.sid })
    }
    if (next !== 'none' || !session) return redirect(page, '/login', continuation)

    const { client, device } = waiting
    return ports.pages.deviceConfirm(
      page.request,
      {
        form: page.pageForm('/device', { ...continuation, asking_sid: session.sid }),
        user: await userName(session, ports.users),
        scopes: scopeLines(device.scope, ports.resources),
        user_code,
      },
      page.formContext({ client }),
    )
  }

  /** Carries out the user's decision on the confirmation page. */
  async function decide(page: PageRequest, continuation: DeviceContinuation): Promise<HttpResponse> {
    const { request, form } = page
    const button = form.get('button')
    const { asking_sid, ...before } = continuation
    const waiting = await findWaiting(before.user_code)
    if (!waiting) return redirect(page, '/device', { ...before, outcome: 'gone' })
    const { next, session } = await signInState(page, continuation, waiting)
    if (!session || next !== 'none' || session.sid !== asking_sid) return redirect(page, '/device', before)
    if (button !== 'yes' && button !== 'no') {
      return page.refuse(refuse('invalid_request', 'button_unknown'))
    }
    const { scope, user_code_hash } = waiting.device
    const agreed = agreedOf(scope, form.all('scope'), ports.resources)
    const decision = button === 'no' || agreesToNothing(agreed) ? 'denied' : 'approved'
    const done =
      decision === 'approved'
        ? await approve(request.id, waiting, session, agreed)
        : await ports.stores.devices.deny(user_code_hash, clock.now())
    const outcome = done ? decision : 'gone'
    ports.log.info(`device_${outcome}`, {
      ...requestFields(request),
      client_id: waiting.client.client_id,
      sub: session.sub,
      sid: session.sid,
    })
    return redirect(page, '/device', { ...before, outcome })
  }

  async function approve(
    requestId: string,
    { client, device }: Waiting,
    session: Session,
    scope: readonly string[],
  ): Promise<boolean> {
    await keepConsent(requestId, client, session.sub, scope)
    const authorization = await ports.createAuthorization({
      apart: true,
      client,
      session,
      scope,
      resources: device.resources ?? [],
      expires_at: device.expires_at,
    })
    const { devices, consents, authorizations } = ports.stores
    if (!(await devices.approve(device.user_code_hash, authorization, clock.now(), session.sid))) return false
    // The consent was revoked before the device's authorization existed, so it was not revoked with it.
    if (await consents.stillGiven(session.sub, client.client_id)) return true
    await authorizations.revoke(authorization.id, clock.now())
    return false
  }

  /** Stores the consent before the device gets tokens, so that the user can always see and revoke it. */
  async function keepConsent(
    request_id: string,
    client: Client,
    sub: string,
    agreed: readonly string[],
  ): Promise<void> {
    const { consents } = ports.stores
    const { client_id } = client
    const earlier = await consents.find(sub, client_id)
    const event = ports.events.prepare('consent.given', { sub, client_id, scope: agreed, request_id })
    const terms = withAgreement(earlier, agreed, client)
    await consents.save({ sub, client_id, created_at: clock.now(), ...terms }, event.messages)
    event.happened()
  }

  async function findWaiting(userCode: string): Promise<Waiting | undefined> {
    const device = await findByUserCode(ports.stores.devices, userCodes, userCode)
    if (device?.status !== 'pending' || device.expires_at <= clock.now()) return undefined
    const client = await ports.clients.find(device.client_id)
    return client?.enabled ? { device, client } : undefined
  }

  /** Returns the browser's session, and what it lacks for this device. */
  async function signInState(
    page: PageRequest,
    progress: DeviceContinuation,
    { client, device }: Waiting,
  ): Promise<{ readonly next: NextPrompt; readonly session?: Session }> {
    const session = await page.readSession()
    if (!session || !(await ports.profile.isActive({ subject: session, client_id: client.client_id }))) {
      return { next: 'login' }
    }
    const lacking = await ports.lackingSecondFactor(page.request, session, { client })
    // The confirmation replaces consent, so only the sign-in is checked.
    const request = {
      client: { ...client, require_consent: false },
      consent_scope: device.scope,
      prompt: new Set<never>(),
    }
    const lacksSecondFactor = lacking !== undefined
    return { next: nextPrompt({ request, progress, session, lacksSecondFactor }), session }
  }

  function redirect(
    page: PageRequest,
    path: '/device' | '/login' | '/mfa',
    continuation: DeviceContinuation,
  ): HttpResponse {
    return page.redirect(page.link(path, page.posted ? { ...continuation, by_form: true } : continuation))
  }
}

/** Counts signed-in users separately, so that strangers who guess from the same address don't lock them out. */
const guessers = (network: string, session: Session | undefined): readonly AttemptKey[] =>
  session
    ? [
        { key: countedKeys.userCodeOfOneUser(session.sub), ...guesses },
        ...networkKeys('user code of users', network, { ...guesses, most: 100 }),
      ]
    : networkKeys('user code', network, guesses)
