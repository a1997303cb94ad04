/** Problem details (RFC 9457): how the admin API refuses a request. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { noStoreHeaders } from '../../messages/json-response.ts'

/** The status and the title of each problem, by its reason. */
export const problems = {
  admin_token_missing: [401, 'An access token is required'],
  admin_token_invalid: [401, 'The access token is not valid'],
  admin_scope_missing: [403, 'The access token lacks the scope'],
  admin_scope_exceeded: [403, 'The client has more power over the server than the access token'],
  admin_path_unknown: [404, 'The path does not exist'],
  admin_path_malformed: [400, 'An id in the path is malformed'],
  admin_entry_unknown: [404, 'The entry does not exist'],
  admin_method_not_allowed: [405, 'The method is not allowed for this path'],
  admin_query_malformed: [400, 'A query parameter is malformed'],
  admin_cursor_invalid: [400, 'The cursor is not valid'],
  admin_body_malformed: [400, 'The body is malformed'],
  admin_media_type_unsupported: [415, 'The media type of the body is not supported'],
  admin_entry_invalid: [422, 'The entry is not valid'],
  admin_entry_read_only: [409, 'The entry belongs to the configuration file'],
  admin_entry_exists: [409, 'The entry already exists'],
  admin_entry_in_use: [409, 'Other entries refer to the entry'],
  admin_entry_has_users: [409, 'Users belong to the tenant'],
  admin_entry_changed: [409, 'Another request changed the entry at the same time'],
  admin_precondition_missing: [428, 'If-Match is required'],
  admin_precondition_failed: [412, 'The entry is not the expected version'],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>

export type ProblemReason = keyof typeof problems

/** One error in a body: where it is, and how to fix it. Contains no value of a secret. */
export type EntryError = {
  /** Such as `redirect_uris[0]`. */
  readonly path: string
  readonly problem: string
  readonly expected: string
  readonly fix?: string
}

export type Problem = {
  readonly ok: false
  readonly reason: ProblemReason
  /** Says what is wrong with this request. */
  readonly detail: string
  readonly errors?: readonly EntryError[]
  readonly headers?: Readonly<Record<string, string>>
  /** Details for the operator's log, which the client does not get. `reason` replaces the reason there. */
  readonly log?: Readonly<Record<string, unknown>>
}

export const problem = (
  reason: ProblemReason,
  detail: string,
  more: Pick<Problem, 'errors' | 'headers' | 'log'> = {},
): Problem => ({ ok: false, reason, detail, ...more })

/** Refuses an invalid body, and says where each error is. */
export const invalidEntry = (errors: readonly EntryError[]): Problem =>
  problem(
    'admin_entry_invalid',
    errors
      .map(({ path, problem }) => `${path}: ${problem}`)
      .join('; ')
      .slice(0, 1000),
    {
      errors,
    },
  )

const problemTypePrefix = 'urn:tessera:problem:'

/** Returns the response for a problem. */
export const problemResponse = (
  { id }: HttpRequest,
  { reason, detail, errors, headers }: Problem,
): HttpResponse => {
  const [status, title] = problems[reason]
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...noStoreHeaders, ...headers },
    body: JSON.stringify({
      type: problemTypePrefix + reason,
      title,
      status,
      detail,
      reason,
      request_id: id,
      ...(errors && { errors }),
    }),
  }
}
