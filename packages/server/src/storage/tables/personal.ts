/**
 * Says of every table and column whether it is about a person, how their rows are found, and what an export of their
 * data shows. A new table or column does not compile without its row here.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { AnyTable, RowOf, TableName } from './tables.ts'
import { allTables } from './tables.ts'

/**
 * How the rows of a person are found: by `sub`; by the authorization or the session that they belong to; by the
 * provider's session that a sign-in originates from; by the claims of a token that names the person; by the principal; by
 * the hash of the last user of a client; or by the caller, because the rows are sealed or keyed hashes.
 */
export type Owner =
  | 'sub'
  | 'authorization'
  | 'session'
  | 'linking_session'
  | 'upstream'
  | 'claims'
  | 'principal'
  | 'last_user'
  | 'caller'

/**
 * `time`: shown in ISO 8601. `secret`: a credential, its hash or sealed text, which is named and not shown. `internal`: not about the
 * person, such as a counter of versions; not shown.
 */
type Shown = 'data' | 'time' | 'secret' | 'internal'

type Personal<Row> =
  | { readonly owner: 'nobody'; readonly why: string }
  | {
      readonly owner: Owner
      /** The name in an export. Default: the name of the table. */
      readonly section?: string
      readonly columns: { readonly [Column in keyof Required<Row>]: Shown }
      /** Why rows remain when the person is deleted, and until when. */
      readonly kept?: string
    }

const subject = {
  sub: 'data',
  tenant: 'data',
  idp: 'data',
  amr: 'data',
  acr: 'data',
  auth_time: 'time',
  signed_in_at: 'time',
  claims: 'data',
  upstream: 'internal',
  epoch: 'internal',
} as const

export const personalData: { readonly [Name in TableName]: Personal<RowOf<Name>> } = {
  settings: { owner: 'nobody', why: 'values of the installation' },
  keys: { owner: 'nobody', why: 'signing keys' },
  entries: {
    owner: 'nobody',
    why: 'configuration by administrators: clients, resources, providers, tenants',
  },
  registeredOrigins: { owner: 'nobody', why: 'origins of clients' },
  revokedTokens: { owner: 'nobody', why: 'random ids of tokens, until these expire' },
  usedAssertions: { owner: 'nobody', why: 'hashes of used ids and of ends, until these expire' },
  pushedRequests: {
    owner: 'nobody',
    why: 'sealed requests from before a sign-in, for minutes; a login_hint may name someone',
  },
  registeredClients: {
    owner: 'last_user',
    columns: {
      client_id: 'data',
      version: 'internal',
      metadata: 'internal',
      client_secret_hash: 'internal',
      client_secret_expires_at: 'internal',
      registration_token_hash: 'internal',
      vouched_by: 'internal',
      created_at: 'internal',
      used_at: 'time',
      used_by: 'internal',
      shown_since: 'internal',
      expires_at: 'internal',
    },
  },
  principals: {
    owner: 'principal',
    section: 'principals',
    columns: { kind: 'data', id: 'data', stands: 'data', revoked_at: 'time' },
    kept: 'for good: the sub, which is never assigned to anyone else (OpenID Connect Core 1.0 §2)',
  },
  storedUsers: {
    owner: 'sub',
    columns: {
      sub: 'data',
      version: 'internal',
      epoch: 'internal',
      username: 'data',
      username_key: 'internal',
      tenant: 'data',
      email: 'data',
      email_key: 'internal',
      email_verified_at: 'time',
      claims: 'data',
      password: 'secret',
      password_changed_at: 'time',
      created_at: 'time',
      disabled_at: 'time',
    },
  },
  totpSecrets: {
    owner: 'sub',
    columns: { sub: 'data', sealed: 'secret', last_step: 'internal', created_at: 'time' },
  },
  recoveryCodes: { owner: 'sub', columns: { sub: 'data', hash: 'secret' } },
  passkeys: {
    owner: 'sub',
    columns: {
      id: 'data',
      sub: 'data',
      public_key: 'secret',
      counter: 'data',
      transports: 'data',
      backup_eligible: 'data',
      backed_up: 'data',
      name: 'data',
      created_at: 'time',
      last_used_at: 'time',
    },
  },
  waitingMails: {
    owner: 'caller',
    columns: { id: 'data', sealed: 'secret', attempts: 'data', due_at: 'time', expires_at: 'time' },
  },
  attempts: { owner: 'caller', columns: { hash: 'secret', count: 'data', expires_at: 'time' } },
  erasures: {
    owner: 'sub',
    columns: { sub: 'data', erased_at: 'time', finish_at: 'time', returned_at: 'time' },
    kept: 'for ten minutes, so that requests that began earlier leave nothing behind',
  },
  identityLinks: {
    owner: 'sub',
    columns: { provider: 'data', identity: 'data', sub: 'data', label: 'data', created_at: 'time' },
  },
  upstreamSessions: {
    owner: 'upstream',
    columns: {
      id: 'internal',
      provider: 'data',
      identity: 'data',
      sub: 'data',
      upstream_sid: 'data',
      id_token: 'secret',
      expires_at: 'time',
    },
  },
  upstreamRequests: {
    owner: 'linking_session',
    columns: {
      hash: 'secret',
      browser: 'secret',
      provider: 'data',
      continuation: 'secret',
      linking_sid: 'data',
      expires_at: 'time',
    },
  },
  consents: {
    owner: 'sub',
    columns: {
      sub: 'data',
      client_id: 'data',
      scope: 'data',
      created_at: 'time',
      remembered: 'data',
      remembered_until: 'time',
    },
  },
  sessions: {
    owner: 'sub',
    columns: {
      hash: 'secret',
      sid: 'data',
      ...subject,
      created_at: 'time',
      expires_at: 'time',
      idle_expires_at: 'time',
      idle_lifetime: 'data',
      last_seen_at: 'time',
      user_agent: 'data',
      address: 'data',
    },
  },
  sessionClients: { owner: 'session', columns: { sid: 'data', client_id: 'data', expires_at: 'time' } },
  pendingSignIns: {
    owner: 'sub',
    columns: { hash: 'secret', ...subject, created_at: 'time', expires_at: 'time' },
  },
  logoutNotices: {
    owner: 'sub',
    columns: {
      sid: 'data',
      client_id: 'data',
      sub: 'data',
      attempts: 'data',
      due_at: 'time',
      expires_at: 'time',
    },
    kept: 'until each client is notified of the sign-out, or for a day',
  },
  authorizations: {
    owner: 'sub',
    columns: {
      id: 'data',
      client_id: 'data',
      sub: 'data',
      tenant: 'data',
      sign_in_tenant: 'data',
      sid: 'data',
      scope: 'data',
      resources: 'data',
      idp: 'data',
      amr: 'data',
      acr: 'data',
      auth_time: 'time',
      signed_in_at: 'time',
      claims: 'data',
      requested_claims: 'data',
      created_at: 'time',
      expires_at: 'time',
      revoked_at: 'time',
    },
  },
  codes: {
    owner: 'authorization',
    columns: {
      hash: 'secret',
      authorization_id: 'data',
      redirect_uri: 'data',
      code_challenge: 'secret',
      code_challenge_method: 'data',
      dpop_jkt: 'data',
      nonce: 'secret',
      s_hash: 'secret',
      expires_at: 'time',
      used_at: 'time',
    },
  },
  devices: {
    owner: 'authorization',
    columns: {
      hash: 'secret',
      user_code_hash: 'secret',
      client_id: 'data',
      scope: 'data',
      resources: 'data',
      status: 'data',
      authorization_id: 'data',
      interval: 'data',
      last_polled_at: 'time',
      expires_at: 'time',
      used_at: 'time',
    },
  },
  families: {
    owner: 'authorization',
    columns: {
      id: 'data',
      authorization_id: 'data',
      client_id: 'data',
      generation: 'data',
      scope: 'data',
      access_claims: 'data',
      cnf: 'data',
      created_at: 'time',
      expires_at: 'time',
      idle_expires_at: 'time',
      rotated_at: 'time',
    },
  },
  referenceTokens: {
    owner: 'claims',
    columns: {
      hash: 'secret',
      authorization_id: 'data',
      client_id: 'data',
      claims: 'data',
      expires_at: 'time',
    },
  },
  auditRecords: {
    owner: 'sub',
    columns: {
      seq: 'data',
      at: 'time',
      type: 'data',
      sub: 'data',
      record: 'data',
      personal: 'data',
      signature: 'internal',
    },
    kept: 'for as long as the audit log is kept; a record says when personal members were erased',
  },
  webhookMessages: {
    owner: 'caller',
    columns: {
      event_id: 'data',
      endpoint: 'data',
      sealed: 'secret',
      attempts: 'data',
      due_at: 'time',
      expires_at: 'time',
    },
  },
}

type PersonalTable = {
  readonly name: TableName
  readonly table: AnyTable
  readonly owner: Owner
  readonly section: string
  readonly columns: Readonly<Record<string, Shown>>
  readonly kept: string | undefined
}

/** The tables with rows about persons. */
export const personalTables: readonly PersonalTable[] = allTables.flatMap(([name, table]) => {
  const personal = personalData[name]
  if (personal.owner === 'nobody') return []
  const { owner, section = table.name, columns, kept } = personal
  return { name, table, owner, section, columns, kept }
})

/** A row as an export shows it. `withheld` names its columns with secrets. */
export type ShownRow = Readonly<Record<string, unknown>>

/** A damaged row may contain a time that a date can't represent. */
function timeOf(seconds: Seconds): string | Seconds {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? seconds : date.toISOString()
}

/** Returns what an export shows of a row. @param item without the columns that have no value. */
export function shownRow({ columns }: Pick<PersonalTable, 'columns'>, item: ShownRow): ShownRow {
  const held = Object.entries(item).filter(([, value]) => value !== undefined && value !== null)
  const ofKind = (...kinds: readonly Shown[]) =>
    held.filter(([column]) => kinds.includes(columns[column] ?? 'internal'))
  const withheld = ofKind('secret').map(([column]) => column)
  return {
    ...Object.fromEntries(
      ofKind('data', 'time').map(([column, value]) => [
        column,
        columns[column] === 'time' ? timeOf(Number(value)) : value,
      ]),
    ),
    ...(withheld.length > 0 && { withheld }),
  }
}
