/**
 * The services of one issuer, by subject. Each is created by a function in its own file, whose parameters show what it
 * needs.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Refusal } from '@tessera/protocol/result'
import type { Administration } from '../administration/interface.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { type Attempts, createAttempts } from '../identity/attempts.ts'
import { createRefuser, type Refuser } from '../messages/json-response.ts'
import { withOrigin } from '../runtime/async/origin.ts'
import { requestFields } from '../runtime/network.ts'
import { type AccountServices, createAccountServices } from './account-services.ts'
import { createAdministrationServices } from './administration-services.ts'
import { type ClientServices, createClientServices } from './client-services.ts'
import type { IssuerContext } from './issuer-context.ts'
import { createSessionServices, type SessionServices } from './session-services.ts'
import { createSignInServices, type SignInServices } from './sign-in-services.ts'
import { createTokenServices, type TokenServices } from './token-services.ts'

/**
 * The services that protocol endpoints need, created at startup. `PageServices` are created on the first request for a
 * page.
 */
export type Services = {
  readonly context: IssuerContext
  readonly attempts: Attempts
  readonly clients: ClientServices
  readonly tokens: TokenServices
  readonly signIn: SignInServices
  readonly sessions: SessionServices
  readonly accounts: AccountServices
  readonly administration: Administration
  /** Creates the function that sends an endpoint's refusals. The log contains the endpoint's name. */
  readonly refuserOf: (endpoint: string) => Refuser
}

export function createServices(configuration: Configuration, context: IssuerContext): Services {
  const attempts = createAttempts(context)
  const clients = createClientServices(configuration, context, attempts)
  const tokens = createTokenServices(configuration, context, clients)
  const signIn = createSignInServices(configuration, context, attempts)
  const sessions = createSessionServices(configuration, context, { clients, tokens })
  const accounts = createAccountServices(configuration, context, { clients, signIn, sessions, attempts })
  const administration = createAdministrationServices(context)
  const { log, events } = context
  const invalidClientStatus = configuration.compatibility === 'identityserver4' ? 400 : 401
  const onRefused = (request: HttpRequest, { error, reason, log }: Refusal, clientId?: string): void => {
    // In an Authorization header or an assertion, only the authentication has seen the client.
    const client_id = clientId ?? log?.client_id
    const data = {
      ...(typeof client_id === 'string' && { client_id }),
      error,
      reason,
      request_id: request.id,
    }
    // Each network has a share of the refusals that are stored.
    withOrigin({ actor: { kind: 'server' }, ...requestFields(request) }, () =>
      events.emit('token.refused', data),
    )
  }
  const refuserOf = (endpoint: string) =>
    createRefuser(endpoint, {
      log,
      invalidClientStatus,
      onRefused: endpoint === 'token' ? onRefused : undefined,
    })
  return { context, attempts, clients, tokens, signIn, sessions, accounts, administration, refuserOf }
}
