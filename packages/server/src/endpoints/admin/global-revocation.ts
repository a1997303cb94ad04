/**
 * Global token revocation (draft-parecki-oauth-global-token-revocation-06): a security tool or a provider names a user by
 * its own identifier (RFC 9493), and everything of the user is revoked.
 */

import * as s from '../../configuration/validation/kinds.ts'
import type { SubjectId } from '../../identity/subject-search.ts'
import { globalRevocationPath } from '../../model/admin-api.ts'
import type { Descriptions, Handlers } from './operation.ts'
import { problem } from './problem.ts'

const text = (most: number) =>
  s
    .string()
    .min(1)
    .max(most)
    .regex(/^\P{Cc}*$/u, 'no control characters')

const subjectId = s.union([
  s.object({ format: s.enum(['opaque']), id: text(1024).describe('The sub.') }),
  s.object({
    format: s.enum(['iss_sub']),
    iss: text(1024).describe('This issuer, or the issuer of an identity provider.'),
    sub: text(1024),
  }),
  s.object({ format: s.enum(['email']), email: text(254).describe('A verified address.') }),
])

const body = s.object({ sub_id: subjectId.describe('The user (RFC 9493 §3).') })

export const globalRevocationOperations = {
  revokeSubject: {
    method: 'POST',
    path: globalRevocationPath,
    tag: 'Users',
    scope: 'admin:users.revoke',
    summary:
      'End all sessions of the users that an identifier names, and revoke every authorization with its codes and tokens (draft-parecki-oauth-global-token-revocation-06).',
    // The draft requires 400 for identifiers that are not supported. Other operations return 422.
    body: { type: 'application/json', schema: body, checkedLater: true },
    success: { 204: { description: 'Authorizations, sessions and tokens are no longer valid.' } },
    problems: ['admin_entry_unknown'],
  },
} as const satisfies Descriptions

type GlobalRevocationPorts = {
  /** Resolves to the `sub` of each user. */
  readonly findSubjects: (id: SubjectId) => Promise<readonly string[]>
  readonly endAccess: (sub: string) => Promise<readonly string[]>
}

export const createGlobalRevocationHandlers = ({
  findSubjects,
  endAccess,
}: GlobalRevocationPorts): Handlers<typeof globalRevocationOperations> => ({
  async revokeSubject(call) {
    const read = body.safeParse(call.body)
    if (!read.success)
      return problem(
        'admin_body_malformed',
        'sub_id must have the format opaque with id, iss_sub with iss and sub, or email with email',
      )
    const subs = await findSubjects(read.value.sub_id)
    if (subs.length === 0) return problem('admin_entry_unknown', 'sub_id names no user of this issuer')
    for (const sub of subs) {
      await endAccess(sub)
      call.changed('user', sub)
    }
    return { ok: true, status: 204 }
  },
})
