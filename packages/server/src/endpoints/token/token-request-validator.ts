/** An operator's last word on a decision: a module's `validators.tokenRequest`. */

import { refuse } from '@tessera/protocol/result'
import type { TokenRequestValidator } from '../../model/extension-grant.ts'
import type { Decision, RefusedDecision, TokenRequest } from './decision.ts'

/** Credentials that a validator has no business with. */
const withheldParameters = new Set([
  'client_secret',
  'client_assertion',
  'password',
  'code',
  'code_verifier',
  'refresh_token',
  'device_code',
  'assertion',
  'subject_token',
  'actor_token',
])

/** Refuses what the validator refuses, `invalid_request` unless it says otherwise; its members join the response. */
export const validateBy =
  (validator: TokenRequestValidator) =>
  async ({ parameters }: TokenRequest, decision: Decision): Promise<Decision | RefusedDecision> => {
    const names = [...parameters.names()].filter(name => !withheldParameters.has(name))
    const answer = await validator({
      client_id: decision.client.client_id,
      grant_type: parameters.get('grant_type') ?? '',
      sub: decision.subject?.sub,
      scope: decision.scope,
      parameters: new Map(names.map(name => [name, parameters.get(name) ?? ''])),
    })
    // What the grant says comes last: `issued_token_type` is a standard member of its answer (RFC 8693 §2.2.1).
    if (answer.ok) return { ...decision, members: { ...answer.members, ...decision.members } }
    const { error = 'invalid_request', description, members } = answer
    return refuse(error, 'validator_refused', { description, members })
  }
