/** The operations on users, their sessions and second factors. */

import * as s from '../../configuration/validation/kinds.ts'
import { pageParameters } from './list.ts'
import type { Descriptions } from './operation.ts'
import {
  newUserSchema,
  passwordSchema,
  patchedUserSchema,
  shownUserSchema,
  userRecordSchema,
} from './user-schema.ts'

export const userSchemas = {
  User: shownUserSchema,
  Session: s
    .strictObject({
      sid: s.string(),
      sub: s.string(),
      idp: s.string().describe('The provider, or local.'),
      amr: s.array(s.string()).describe('Authentication methods (RFC 8176).'),
      acr: s.string().optional(),
      created_at: s.int().describe('Seconds since 1970, as in the other times.'),
      last_seen_at: s.int(),
      expires_at: s.int().describe('When it ends if it is not used.'),
      address: s.string().optional().describe('The IP address that it was last used from.'),
      user_agent: s.string().optional(),
    })
    .describe('A sign-in in one browser.'),
  SecondFactors: s
    .strictObject({ removed: s.int().describe('The number of authenticator apps and passkeys.') })
    .describe('What was removed, or would be.'),
  PersonalData: s
    .strictObject({
      format: s.enum(['tessera-personal-data']),
      version: s.int().describe('1. Higher for a change that existing readers do not understand.'),
      issuer: s.string(),
      tenant: s.string().optional(),
      sub: s.string(),
      exported_at: s.string().describe('ISO 8601, as the other times.'),
      record: s
        .strictObject({
          origin: s.enum(['configuration', 'user_store']),
          username: s.string(),
          tenant: s.string().optional(),
          active: s.boolean(),
          claims: s.record(s.string(), s.json()),
        })
        .optional()
        .describe('The record of a user who is not stored by this server.'),
      stored: s
        .record(s.string(), s.array(s.record(s.string(), s.json())))
        .describe('Rows by section. withheld names the members of a row that are secrets.'),
    })
    .describe('Everything that is stored about a user.'),
  Deletion: s
    .strictObject({
      sub: s.string(),
      rows: s.record(s.string(), s.int()).describe('Numbers of rows by section.'),
    })
    .describe('What would be deleted.'),
  EndedSessions: s
    .strictObject({ sids: s.array(s.string()).describe('The sessions.') })
    .describe('What was ended, or would be.'),
}

const filters = {
  username: {
    schema: s.string().min(1).max(200),
    description:
      'The exact name, as sign-in compares it, in the tenant of the parameter tenant, or of users without one.',
  },
  username_prefix: { schema: s.string().min(1).max(200), description: 'The beginning of the name.' },
  email: {
    schema: s.string().min(1).max(254),
    description:
      'The exact verified address, in the tenant of the parameter tenant, or of users without one.',
  },
  active: { schema: s.boolean(), description: 'Whether the user is active.' },
  tenant: { schema: s.string().min(1).max(200), description: 'The tenant.' },
  origin: { schema: s.enum(['file', 'stored']), description: 'Where the user comes from.' },
}

const tag = 'Users'

export const userOperations = {
  listUsers: {
    method: 'GET',
    path: '/users',
    tag,
    scope: 'admin:users.read',
    summary: 'List users in the order of their sub.',
    query: { ...pageParameters, ...filters },
    success: { 200: { description: 'A page of users.', schema: 'User', list: true } },
    problems: ['admin_cursor_invalid'],
  },
  createUser: {
    method: 'POST',
    path: '/users',
    tag,
    scope: 'admin:users.write',
    summary: 'Create a user. A retry could create a second one: use PUT with a sub to avoid this.',
    body: { type: 'application/json', schema: newUserSchema },
    dryRun: true,
    success: {
      200: { description: 'With dry_run: the user that would be created.', schema: 'User' },
      201: { description: 'The new user.', schema: 'User' },
    },
    problems: ['admin_entry_invalid', 'admin_entry_exists'],
  },
  readUser: {
    method: 'GET',
    path: '/users/{sub}',
    tag,
    scope: 'admin:users.read',
    summary: 'Read a user.',
    conditions: 'none-match',
    success: {
      200: { description: 'The user.', schema: 'User' },
      304: { description: 'The version of If-None-Match is the newest.' },
    },
    problems: ['admin_entry_unknown'],
  },
  putUser: {
    method: 'PUT',
    path: '/users/{sub}',
    tag,
    scope: 'admin:users.write',
    summary:
      'Create a user with this sub, or replace its record. A new verified address of an existing user also needs admin:users.passwords.',
    body: { type: 'application/json', schema: userRecordSchema },
    conditions: 'match',
    dryRun: true,
    success: {
      200: { description: 'The replaced user, or with dry_run the user as it would be.', schema: 'User' },
      201: { description: 'The new user.', schema: 'User' },
    },
    problems: [
      'admin_entry_invalid',
      'admin_entry_exists',
      'admin_entry_read_only',
      'admin_precondition_missing',
      'admin_precondition_failed',
    ],
  },
  patchUser: {
    method: 'PATCH',
    path: '/users/{sub}',
    tag,
    scope: 'admin:users.write',
    summary:
      'Change members of a user. With active false, their sessions and tokens end in the same write. A new verified address also needs admin:users.passwords.',
    body: { type: 'application/merge-patch+json', schema: patchedUserSchema, checkedLater: true },
    conditions: 'match',
    dryRun: true,
    success: { 200: { description: 'The changed user.', schema: 'User' } },
    problems: [
      'admin_entry_unknown',
      'admin_entry_invalid',
      'admin_entry_exists',
      'admin_entry_read_only',
      'admin_precondition_missing',
      'admin_precondition_failed',
    ],
  },
  exportUser: {
    method: 'GET',
    path: '/users/{sub}/personal-data',
    tag,
    scope: 'admin:users.export',
    summary:
      'Read everything that is stored about a user of any kind, without secrets. See docs/guides/personal-data.md.',
    success: { 200: { description: 'The data.', schema: 'PersonalData' } },
    problems: ['admin_entry_unknown'],
  },
  deleteUser: {
    method: 'DELETE',
    path: '/users/{sub}',
    tag,
    scope: 'admin:users.write',
    summary:
      'Delete a user with all their data, sessions and tokens. The sub is never assigned again. A user of a provider has no version and no If-Match, and can sign in again.',
    conditions: 'match',
    dryRun: true,
    success: {
      200: { description: 'With dry_run: what would be deleted.', schema: 'Deletion' },
      204: { description: 'The user was deleted.' },
    },
    problems: [
      'admin_entry_unknown',
      'admin_entry_read_only',
      'admin_precondition_missing',
      'admin_precondition_failed',
    ],
  },
  setUserPassword: {
    method: 'PUT',
    path: '/users/{sub}/password',
    tag,
    scope: 'admin:users.passwords',
    summary: "Set a password, or import its hash. The user's sessions and tokens end in the same write.",
    body: { type: 'application/json', schema: passwordSchema },
    conditions: 'match',
    dryRun: true,
    success: {
      200: { description: 'With dry_run: the user, whose password could be set.', schema: 'User' },
      204: { description: 'The password was set.' },
    },
    problems: [
      'admin_entry_unknown',
      'admin_entry_invalid',
      'admin_entry_read_only',
      'admin_entry_changed',
      'admin_precondition_failed',
    ],
  },
  resetSecondFactors: {
    method: 'DELETE',
    path: '/users/{sub}/second-factors',
    tag,
    scope: 'admin:users.passwords',
    summary: "Remove a user's authenticator apps, passkeys and recovery codes.",
    success: { 200: { description: 'What was removed.', schema: 'SecondFactors' } },
    problems: [],
  },
  listSessions: {
    method: 'GET',
    path: '/users/{sub}/sessions',
    tag,
    scope: 'admin:sessions.read',
    summary: "List a user's sessions, the most recently used first.",
    success: { 200: { description: 'All sessions of the user.', schema: 'Session', list: true } },
    problems: [],
  },
  endSessions: {
    method: 'DELETE',
    path: '/users/{sub}/sessions',
    tag,
    scope: 'admin:sessions.write',
    summary: 'End all sessions of a user, as a sign-out does. Clients are notified.',
    dryRun: true,
    success: { 200: { description: 'The sessions that ended.', schema: 'EndedSessions' } },
    problems: [],
  },
  revokeUser: {
    method: 'POST',
    path: '/users/{sub}/revocation',
    tag,
    scope: 'admin:sessions.write',
    summary:
      'End all sessions of a user, and revoke every authorization with its codes and tokens. The user can sign in again.',
    dryRun: true,
    success: { 200: { description: 'The sessions that ended.', schema: 'EndedSessions' } },
    problems: [],
  },
  endSession: {
    method: 'DELETE',
    path: '/users/{sub}/sessions/{sid}',
    tag,
    scope: 'admin:sessions.write',
    summary: 'End one session.',
    dryRun: true,
    success: { 200: { description: 'The session that ended.', schema: 'EndedSessions' } },
    problems: ['admin_entry_unknown'],
  },
  revokeSession: {
    method: 'POST',
    path: '/sessions/{sid}/revocation',
    tag,
    scope: 'admin:sessions.write',
    summary:
      'End one session, and revoke every authorization that was created in it with its codes and tokens, also if the session has ended.',
    success: { 204: { description: 'Authorizations and tokens of the session are no longer valid.' } },
    problems: ['admin_entry_unknown'],
  },
  revokeTenant: {
    method: 'POST',
    path: '/tenants/{name}/revocation',
    tag,
    scope: 'admin:sessions.write',
    summary:
      'End the sessions of all users of a tenant that shares this issuer, and revoke all of their codes and tokens, in one write. They can sign in again.',
    success: { 204: { description: 'They are no longer valid, on every node within a second.' } },
    problems: ['admin_entry_unknown'],
  },
  revokeEverything: {
    method: 'POST',
    path: '/revocation',
    tag,
    scope: 'admin:sessions.write',
    summary:
      'End all sessions at this issuer, and revoke all codes and tokens that it issued, in one write. Users and clients can get new ones.',
    success: { 204: { description: 'They are no longer valid, on every node within a second.' } },
    problems: [],
  },
} as const satisfies Descriptions
