/** Validates each member of an extension grant's decision before it is used. */

import type { AuthorizationId } from '../../../model/authorization.ts'
import type { GrantDecision, GrantRefusal } from '../../../model/extension-grant.ts'
import {
  json,
  jsonObject,
  listOf,
  number,
  object,
  oneOf,
  optional,
  outcome,
  type Read,
  subject,
  text,
  time,
} from '../../../model/hook-result.ts'

const authorizationId: Read<AuthorizationId> = (value, place) => text(value, place) as AuthorizationId

const verifiedToken = object({
  claims: jsonObject,
  client_id: text,
  sub: text,
  scope: listOf(text),
  audience: listOf(text),
  expires_at: time,
  authorization_id: optional(authorizationId),
  cnf: optional(jsonObject),
})

const decision = object({
  subject: optional(
    object({
      sub: subject,
      tenant: optional(text),
      idp: optional(text),
      amr: optional(listOf(text)),
      acr: optional(text),
      auth_time: optional(time),
      claims: optional(jsonObject),
    }),
  ),
  scope: optional(listOf(text)),
  audience: optional(listOf(text)),
  lifetime: optional(number),
  access_token_type: optional(oneOf(['jwt', 'reference'])),
  claims: optional(jsonObject),
  client_claims: optional(listOf(object({ type: text, value: json }))),
  client_id: optional(text),
  derivedFrom: optional(verifiedToken),
  uses: optional(object({ id: text, expires_at: time })),
  members: optional(jsonObject),
})

const refusal = object({
  error: optional(text),
  description: optional(text),
  reason: optional(text),
  members: optional(jsonObject),
})

/** Throws `InvalidHookResult` if the value is neither a decision nor a refusal. */
export const readDecision: Read<GrantDecision | GrantRefusal> = outcome(decision, refusal)
