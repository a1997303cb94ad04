/** Lets a module's `validators.tokenRequest` refuse a decision or add members to the response. */

import { refuse } from '@tessera/protocol/result'
import type { TokenRequestValidator } from '../../model/extension-grant.ts'
import type { CheckedHook } from '../../model/hook.ts'
import type { Decision, RefusedDecision, TokenRequest } from './decision.ts'

/** Credentials, which validators must not see. */
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

/** Returns the decision with the validator's members, or its refusal; `invalid_request` if it names no error. */
export const validateBy =
  (validator: CheckedHook<TokenRequestValidator>) =>
  async ({ parameters }: TokenRequest, decision: Decision): Promise<Decision | RefusedDecision> => {
    const names = [...parameters.names()].filter(name => !withheldParameters.has(name))
    const result = await validator({
      client_id: decision.client.client_id,
      grant_type: parameters.get('grant_type') ?? '',
      // The hook does not receive members without a value.
      ...(decision.subject && { sub: decision.subject.sub }),
      scope: decision.scope,
      parameters: new Map(names.map(name => [name, parameters.get(name) ?? ''])),
    })
    // Members of the grant win: `issued_token_type` is a standard member (RFC 8693 §2.2.1).
    if (result.ok) return { ...decision, members: { ...result.members, ...decision.members } }
    const { error = 'invalid_request', description, members } = result
    return refuse(error, 'validator_refused', { description, members })
  }
