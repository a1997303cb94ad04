/**
 * The requester of a sign-in: the client of a sealed request, which is validated again at every step, or an account
 * page.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Display } from '@tessera/protocol/display'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { parseRequest } from '../../authorization-request/parameter-limits.ts'
import type { Prompt } from '../../authorization-request/prompt.ts'
import type { ValidateAuthorizationRequest } from '../../authorization-request/validation.ts'
import type { Client, Clients } from '../../model/client.ts'
import type { RequestedAcr } from '../../model/mfa.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { PageContext } from '../ui/render.ts'
import type { Continuation } from './continuation.ts'
import { findByUserCode, type UserCodes } from './user-code.ts'

export type Requester = {
  /** Undefined for this server's own account pages. */
  readonly client?: Client
  readonly tenant?: string
  /** The provider that the client requests; undefined: the user chooses. */
  readonly idp?: string
  readonly acr_values?: string
  /** The requested authentication context classes. */
  readonly requested_acr?: RequestedAcr
  readonly login_hint?: string
  readonly prompt?: ReadonlySet<Prompt>
  readonly max_age?: Seconds
  readonly ui_locales: readonly string[]
  /** The kind of window that the client shows the pages in. */
  readonly display?: Display
}

/** Returns the settings for the appearance of the requester's pages. */
export const pageContextOf = ({
  client,
  ui_locales,
  display,
}: Partial<Pick<Requester, 'client' | 'ui_locales' | 'display'>>): PageContext => ({
  client,
  ui_locales,
  display,
})

export type FindRequester = (continuation: Continuation) => Promise<Result<Requester>>

type RequesterPorts = {
  readonly validate: ValidateAuthorizationRequest
  readonly clients: Clients
  readonly stores: Pick<Stores, 'devices'>
  readonly userCodes: UserCodes
}

/**
 * Refuses requests that are no longer valid, for example because the client was disabled or the device authorization
 * has expired.
 */
export const createRequesters =
  ({ validate, clients, stores, userCodes }: RequesterPorts): FindRequester =>
  async continuation => {
    if (continuation.kind === 'account') {
      const { tenant, requested_acr } = continuation
      return ok({ tenant, requested_acr, ui_locales: [] })
    }
    if (continuation.kind === 'authorization') {
      const parameters = parseRequest(continuation.parameters)
      if (!parameters.ok) return parameters
      return validate(parameters.value, continuation.hint)
    }
    const device = await findByUserCode(stores.devices, userCodes, continuation.user_code)
    const client = device && (await clients.find(device.client_id))
    if (!client?.enabled) return refuse('invalid_request', 'device_authorization_gone')
    return ok({ client, ui_locales: [] })
  }
