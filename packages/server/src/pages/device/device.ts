/**
 * The verification page (RFC 8628 §3.3, §3.3.1): enter the code → sign in → compare, agree or refuse.
 * A prefilled code is confirmed like a typed one, and wrong codes are limited (§5.1, §5.4).
 */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { refuse } from '@tessera/protocol/result'
import { type AttemptKey, type CountAttempt, doCounted } from '../../identity/attempts.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { DeviceAuthorization, Session } from '../../model/authorization.ts'
import type { Client, Clients } from '../../model/client.ts'
import { withAgreement } from '../../model/consent.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Resources } from '../../model/resource.ts'
import type { Profile, Users } from '../../model/user.ts'
import { networkKeys, networkOf } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { CreateAuthorization } from '../../tokens/new-authorization.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { Continuation, Continuations } from '../flow/continuation.ts'
import type { Csrf } from '../flow/csrf.ts'
import { tooMany } from '../flow/form-problem.ts'
import { type NextPrompt, nextPrompt } from '../flow/next-prompt.ts'
import { createContinuationOpener } from '../flow/open-continuation.ts'
import { readPage } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import type { LackingSecondFactor } from '../flow/second-factor.ts'
import type { UserCodes } from '../flow/user-code.ts'
import { agreedOf, agreesToNothing, scopeLines, userName } from '../flow/view-model.ts'
import type { DevicePage, Pages } from '../ui/pages.ts'

export type DevicePorts = {
  readonly continuations: Continuations
  readonly sessions: BrowserSessions
  readonly lackingSecondFactor: LackingSecondFactor
  readonly profile: Pick<Profile, 'isActive'>
  readonly csrf: Csrf
  readonly countAttempt: CountAttempt
  readonly userCodes: UserCodes
  readonly createAuthorization: CreateAuthorization
  readonly clients: Clients
  readonly resources: Resources
  readonly users: Pick<Users, 'find'>
  readonly stores: Pick<Stores, 'devices' | 'consents' | 'authorizations'>
  readonly pages: Pages
  readonly paths: Paths
  readonly clock: Clock
  readonly log: Log
}

/** RFC 8628 §5.1: wrong codes of one network or one user. */
const guesses = { most: 10, span: 600 } as const

type DeviceContinuation = Continuation & { readonly kind: 'device' }
/** A device that waits, and whose client may still have it. */
type Waiting = { readonly device: DeviceAuthorization; readonly client: Client }

/** `GET` and `POST /device`. */
export function createDeviceEndpoint(ports: DevicePorts): Endpoint {
  const { continuations, paths, userCodes, clock } = ports
  const refusePage = createPageRefuser('device', ports)
  const openContinuation = createContinuationOpener('device', 'elsewhere', ports)

  return async request => {
    const posted = request.method === 'POST'
    const form = readPage(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const sealed = form.value.get('continue')
    const typed = form.value.get('user_code')
    if (sealed === undefined) {
      return posted ? enter(request, typed ?? '') : ask(request, { user_code: typed })
    }
    const opened = await openContinuation(request, sealed)
    if (!opened.ok) return opened.respond()
    const continuation = opened.value
    if (continuation.kind !== 'device') {
      return refusePage(request, refuse('invalid_request', 'continuation_invalid'))
    }
    return posted ? conclude(request, continuation, form.value) : goOn(request, continuation)
  }

  /** The form for the code. */
  function ask(
    request: HttpRequest,
    more: Omit<DevicePage, 'form'>,
    context: { status?: number; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<HttpResponse> {
    const { token, cookie } = ports.csrf.token(request)
    const form = { action: paths('/device'), csrf: token }
    return ports.pages.device(request, { form, ...more }, { cookies: [cookie], ...context })
  }

  /** Checks a code that was typed, or prefilled and confirmed. */
  async function enter(request: HttpRequest, typed: string): Promise<HttpResponse> {
    const session = await ports.sessions.read(request)
    const counted = await ports.countAttempt(guessers(networkOf(request), session))
    if (!counted.ok) {
      logRefusal(ports.log, 'device', request, refuse('slow_down', 'user_code_guesses_exhausted'))
      const { problem, context } = tooMany(counted.wait)
      return ask(request, { user_code: typed, problem }, context)
    }
    const user_code = userCodes.normalise(typed)
    const find = () => (user_code === undefined ? undefined : findWaiting(user_code))
    const waiting = await doCounted(counted.forgive, find, found => !found)
    if (!waiting || user_code === undefined) {
      logRefusal(ports.log, 'device', request, refuse('invalid_request', 'user_code_unknown'))
      return ask(request, { user_code: typed, problem: 'wrong' }, { status: 400 })
    }
    const asked_at = clock.now()
    return redirect(request, '/device', {
      kind: 'device',
      user_code,
      asked_at,
      prior_handle: session?.hash ?? null,
    })
  }

  /** After the code: sign in where needed, then ask to confirm. */
  async function goOn(request: HttpRequest, continuation: DeviceContinuation): Promise<HttpResponse> {
    const { outcome, refused, user_code } = continuation
    if (outcome !== undefined) return ports.pages.deviceOutcome(request, outcome)
    if (refused !== undefined) return ask(request, {})
    const waiting = await findWaiting(user_code)
    if (!waiting) return ports.pages.deviceOutcome(request, 'gone')
    const { next, session } = await signIn(request, continuation, waiting)
    if (next === 'second_factor') {
      return redirect(request, '/mfa', { ...continuation, stepping_sid: session?.sid })
    }
    if (next !== 'none' || !session) return redirect(request, '/login', continuation)

    const { client, device } = waiting
    const { token, cookie } = ports.csrf.token(request)
    const sealed = continuations.seal({ ...continuation, asking_sid: session.sid })
    return ports.pages.deviceConfirm(
      request,
      {
        form: { action: paths('/device'), continue: sealed, csrf: token },
        user: await userName(session, ports.users),
        scopes: scopeLines(device.scope, ports.resources),
        user_code,
      },
      { client, cookies: [cookie] },
    )
  }

  /** The answer of the user whom the page asked. */
  async function conclude(
    request: HttpRequest,
    continuation: DeviceContinuation,
    form: Parameters,
  ): Promise<HttpResponse> {
    const button = form.get('button')
    const { asking_sid, ...before } = continuation
    const waiting = await findWaiting(before.user_code)
    if (!waiting) return redirect(request, '/device', { ...before, outcome: 'gone' })
    const { next, session } = await signIn(request, continuation, waiting)
    if (!session || next !== 'none' || session.sid !== asking_sid) return redirect(request, '/device', before)
    if (button !== 'yes' && button !== 'no') {
      return refusePage(request, refuse('invalid_request', 'button_unknown'))
    }
    const { scope, user_code_hash } = waiting.device
    const agreed = agreedOf(scope, form.all('scope'), ports.resources)
    const answer = button === 'no' || agreesToNothing(agreed) ? 'denied' : 'approved'
    const done =
      answer === 'approved'
        ? await approve(waiting, session, agreed)
        : await ports.stores.devices.deny(user_code_hash, clock.now())
    const outcome = done ? answer : 'gone'
    ports.log.info(`device_${outcome}`, {
      request_id: request.id,
      client_id: waiting.client.client_id,
      sub: session.sub,
    })
    return redirect(request, '/device', { ...before, outcome })
  }

  async function approve(
    { client, device }: Waiting,
    session: Session,
    scope: readonly string[],
  ): Promise<boolean> {
    await keepConsent(client, session.sub, scope)
    const authorization = await ports.createAuthorization({
      apart: true,
      client,
      session,
      scope,
      resources: [],
      expires_at: device.expires_at,
    })
    const { devices, consents, authorizations } = ports.stores
    if (!(await devices.approve(device.user_code_hash, authorization, clock.now(), session.sid))) return false
    // Taken back before the device's authorization was there to be revoked with it.
    if (await consents.stands(session.sub, client.client_id)) return true
    await authorizations.revoke(authorization.id, clock.now())
    return false
  }

  /** Before the device has anything: what it may do is listed for the user from then on, and taken back there. */
  async function keepConsent(client: Client, sub: string, agreed: readonly string[]): Promise<void> {
    const { consents } = ports.stores
    const { client_id } = client
    const earlier = await consents.find(sub, client_id)
    await consents.save({
      sub,
      client_id,
      created_at: clock.now(),
      ...withAgreement(earlier, agreed, client),
    })
  }

  async function findWaiting(userCode: string): Promise<Waiting | undefined> {
    const device = await ports.stores.devices.findByUserCode(userCodes.hash(userCode))
    if (device?.status !== 'pending' || device.expires_at <= clock.now()) return undefined
    const client = await ports.clients.find(device.client_id)
    return client?.enabled ? { device, client } : undefined
  }

  /** The browser's session, and what is missing until it will do for this device. */
  async function signIn(
    request: HttpRequest,
    progress: DeviceContinuation,
    { client, device }: Waiting,
  ): Promise<{ readonly next: NextPrompt; readonly session?: Session }> {
    const session = await ports.sessions.read(request)
    if (!session || !(await ports.profile.isActive({ subject: session, client_id: client.client_id }))) {
      return { next: 'login' }
    }
    const lacksSecondFactor = (await ports.lackingSecondFactor(request, session, { client })) !== undefined
    // The confirmation stands for consent, so only the sign-in is asked for.
    const asked = {
      client: { ...client, require_consent: false },
      consent_scope: device.scope,
      prompt: new Set<never>(),
    }
    return { next: nextPrompt({ request: asked, progress, session, lacksSecondFactor }), session }
  }

  function redirect(
    request: HttpRequest,
    path: '/device' | '/login' | '/mfa',
    continuation: DeviceContinuation,
  ): HttpResponse {
    const onward = request.method === 'POST' ? { ...continuation, by_form: true as const } : continuation
    return redirectResponse(request, paths(path, continuations.seal(onward)))
  }
}

/** Who is signed in is counted by themself: strangers behind the same address, who guess, keep nobody out. */
const guessers = (network: string, session: Session | undefined): readonly AttemptKey[] =>
  session
    ? [
        { key: JSON.stringify(['user code of one user', session.sub]), ...guesses },
        ...networkKeys('user code of users', network, { ...guesses, most: 100 }),
      ]
    : networkKeys('user code', network, guesses)
