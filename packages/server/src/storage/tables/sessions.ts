/** Tables of sessions, pending sign-ins, consents and logout notices. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Consent, LogoutNotice, Session } from '../../model/authorization.ts'
import type { PendingSignIn } from '../../model/factor.ts'
import type { Subject } from '../../model/user.ts'
import { type Table, tableFor } from './table.ts'

/** A user and how they signed in, as sessions and pending sign-ins have them. */
const subjectColumns = {
  sub: 'text',
  tenant: 'text',
  idp: 'text',
  amr: 'list',
  acr: 'text',
  auth_time: 'integer',
  signed_in_at: 'integer',
  claims: 'object',
  upstream: 'text',
  epoch: 'integer',
} as const satisfies Table<Subject>['columns']

type SessionClient = { readonly sid: string; readonly client_id: string; readonly expires_at: Seconds }

export const sessionTables = {
  consents: tableFor<Consent>()({
    name: 'consents',
    columns: {
      sub: 'text',
      client_id: 'text',
      scope: 'list',
      created_at: 'integer',
      remembered: 'list',
      remembered_until: 'integer',
    },
    key: ['sub', 'client_id'],
    archive: { kind: 'consents', unsealed: true },
  }),
  sessions: tableFor<Session>()({
    name: 'sessions',
    columns: {
      hash: 'text',
      sid: 'text',
      ...subjectColumns,
      created_at: 'integer',
      expires_at: 'integer',
      idle_expires_at: 'integer',
      idle_lifetime: 'integer',
      last_seen_at: 'integer',
      user_agent: 'text',
      address: 'text',
    },
    key: ['hash'],
    unique: ['sid'],
    expiry: { at: ['idle_expires_at'], cleanAt: 'postgres' },
    archive: { kind: 'sessions' },
  }),
  sessionClients: tableFor<SessionClient>()({
    name: 'session_clients',
    columns: { sid: 'text', client_id: 'text', expires_at: 'integer' },
    key: ['sid', 'client_id'],
    indexed: ['sid'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'sessions' },
  }),
  pendingSignIns: tableFor<PendingSignIn>()({
    name: 'pending_sign_ins',
    columns: {
      hash: 'text',
      ...subjectColumns,
      created_at: 'integer',
      expires_at: 'integer',
    },
    key: ['hash'],
    expiry: { at: ['expires_at'] },
    cascade: 'access',
    archive: { kind: 'pending_sign_ins' },
  }),
  logoutNotices: tableFor<LogoutNotice>()({
    name: 'logout_notices',
    columns: {
      sid: 'text',
      client_id: 'text',
      sub: 'text',
      attempts: 'integer',
      due_at: 'integer',
      expires_at: 'integer',
    },
    key: ['sid', 'client_id'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'logout_notices' },
  }),
}
