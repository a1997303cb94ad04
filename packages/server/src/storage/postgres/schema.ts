/**
 * The schema of one issuer's store as forward-only migrations. `tessera_schema` counts those that were applied. Append,
 * never edit. Nodes of the previous version keep running during and after a migration, so it must not break them. A
 * migration that does break older nodes declares `oldest`.
 *
 * `clean_at` is the time at which clean-up examines a row next. It may be earlier than the row's expiry, so that
 * extending the expiry, as each refresh does, changes no index (a heap-only update, for which each page has free
 * space). Clean-up then postpones it.
 *
 * Keys are compared byte by byte, regardless of the database's locale, as in the other stores.
 *
 * A script is applied in one transaction. An index of a table that may be large is a separate migration, which builds
 * it concurrently, because `create index` within a script blocks all writes until it is finished.
 */

export type Migration =
  | string
  | {
      /** Its name. */
      readonly index: string
      /** Table and columns as in `create index … on`: `codes (expires_at)`. */
      readonly on: string
      readonly unique?: boolean
    }
  | {
      readonly script: string
      /** How many migrations a node must know to keep running. Nodes that know fewer become unready. */
      readonly oldest: number
    }

const key = 'text collate "C"'

/** Reserves space for updates in the same page, and vacuums early. */
const updated = 'with (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.02)'
const shortLived = 'with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1)'

export const migrations: readonly Migration[] = [
  `
  create table authorizations (
    id ${key} primary key, client_id ${key} not null, sub ${key} not null, tenant text, sid ${key},
    scope text not null, resources text not null, idp text not null, amr text not null, acr text,
    auth_time bigint not null, claims text, requested_claims text, created_at bigint not null,
    expires_at bigint not null, revoked_at bigint, clean_at bigint not null
  ) ${updated};
  create index authorizations_clean_at on authorizations (clean_at);
  create index authorizations_sub on authorizations (sub);
  create index authorizations_sid on authorizations (sid) where sid is not null;

  create table codes (
    hash ${key} primary key, authorization_id ${key} not null, redirect_uri text not null, code_challenge text,
    code_challenge_method text, nonce text, s_hash text, expires_at bigint not null, used_at bigint,
    clean_at bigint not null
  ) ${updated};
  create index codes_clean_at on codes (clean_at);

  create table devices (
    hash ${key} primary key, user_code_hash ${key} not null unique, client_id text not null, scope text not null,
    status text not null, authorization_id ${key}, interval bigint not null, last_polled_at bigint,
    expires_at bigint not null, used_at bigint
  ) ${updated};
  create index devices_expires_at on devices (expires_at);

  create table families (
    id ${key} primary key, authorization_id ${key} not null, client_id text not null, generation bigint not null,
    scope text not null, access_claims text, cnf text, created_at bigint not null, expires_at bigint not null,
    idle_expires_at bigint not null, rotated_at bigint not null, clean_at bigint not null
  ) ${updated};
  create index families_clean_at on families (clean_at);

  create table reference_tokens (
    hash ${key} primary key, authorization_id ${key}, client_id text not null, claims text not null,
    expires_at bigint not null
  ) ${shortLived};
  create index reference_tokens_expires_at on reference_tokens (expires_at);

  create table revoked_tokens (jti ${key} primary key, expires_at bigint not null) ${shortLived};
  create index revoked_tokens_expires_at on revoked_tokens (expires_at);

  create table replays (hash ${key} primary key, expires_at bigint not null) ${shortLived};
  create index replays_expires_at on replays (expires_at);

  create table sessions (
    hash ${key} primary key, sid ${key} not null unique, sub ${key} not null, tenant text, idp text not null,
    amr text not null, acr text, auth_time bigint not null, claims text, upstream ${key}, epoch bigint, created_at bigint not null,
    expires_at bigint not null, idle_expires_at bigint not null, idle_lifetime bigint not null,
    last_seen_at bigint not null, user_agent text, address text
  ) ${updated};
  create index sessions_idle_expires_at on sessions (idle_expires_at);
  create index sessions_sub on sessions (sub);
  create index sessions_upstream on sessions (upstream) where upstream is not null;

  create table session_clients (
    sid ${key} not null, client_id ${key} not null, expires_at bigint not null, primary key (sid, client_id)
  ) ${shortLived};
  create index session_clients_expires_at on session_clients (expires_at);

  create table logout_notices (
    sid ${key} not null, client_id ${key} not null, sub text not null, attempts bigint not null,
    due_at bigint not null, expires_at bigint not null, primary key (sid, client_id)
  ) ${updated};
  create index logout_notices_due_at on logout_notices (due_at);
  create index logout_notices_expires_at on logout_notices (expires_at);

  create table consents (
    sub ${key} not null, client_id ${key} not null, scope text not null, created_at bigint not null,
    remembered text, remembered_until bigint, primary key (sub, client_id)
  );

  create table keys (
    kid ${key} primary key, alg text not null, sealed bytea not null, created_at bigint not null,
    active_from bigint not null, place bigint generated always as identity
  );

  create table settings (name ${key} primary key, value text not null) ${updated};

  create table tenants (name ${key} primary key, schema text not null);

  create table standing (kind ${key} not null, id ${key} not null, stands bigint not null, primary key (kind, id));

  create table upstream_requests (
    hash ${key} primary key, browser ${key} not null, provider text not null, continuation text not null,
    linking_sid text, expires_at bigint not null
  ) ${shortLived};
  create index upstream_requests_expires_at on upstream_requests (expires_at);

  create table identity_links (
    provider ${key} not null, identity ${key} not null, sub ${key} not null, label text, created_at bigint not null,
    primary key (provider, identity)
  );
  create index identity_links_sub on identity_links (sub);

  create table upstream_sessions (
    id ${key} primary key, provider ${key} not null, identity ${key} not null, upstream_sid ${key},
    id_token bytea not null, expires_at bigint not null
  ) ${shortLived};
  create index upstream_sessions_identity on upstream_sessions (provider, identity);
  create index upstream_sessions_upstream_sid on upstream_sessions (provider, upstream_sid);
  create index upstream_sessions_expires_at on upstream_sessions (expires_at);

  create table totp_secrets (
    sub ${key} primary key, sealed bytea not null, last_step bigint not null, created_at bigint not null
  );

  create table recovery_codes (sub ${key} not null, hash ${key} not null, primary key (sub, hash));

  create table passkeys (
    id ${key} primary key, sub ${key} not null, public_key bytea not null, counter bigint not null,
    transports text not null, backup_eligible text not null, backed_up text not null, name text not null,
    created_at bigint not null, last_used_at bigint, place bigint generated always as identity
  );
  create index passkeys_sub on passkeys (sub);

  create table pending_sign_ins (
    hash ${key} primary key, sub ${key} not null, tenant text, idp text not null, amr text not null, acr text,
    auth_time bigint not null, claims text, upstream text, epoch bigint, created_at bigint not null,
    expires_at bigint not null
  ) ${shortLived};
  create index pending_sign_ins_expires_at on pending_sign_ins (expires_at);
  create index pending_sign_ins_sub on pending_sign_ins (sub);

  create table registered_clients (
    client_id ${key} primary key, version bigint not null, metadata text not null, client_secret_hash text,
    client_secret_expires_at bigint, registration_token_hash text not null, created_at bigint not null,
    expires_at bigint
  ) ${updated};
  create index registered_clients_expires_at on registered_clients (expires_at) where expires_at is not null;
  create table registered_origins (
    origin ${key} not null, client_id ${key} not null, primary key (origin, client_id)
  );
  create index registered_origins_client_id on registered_origins (client_id);

  create table stored_users (
    sub ${key} primary key, version bigint not null, epoch bigint not null, username text not null, username_key ${key} not null,
    tenant ${key}, email text, email_key ${key}, email_verified_at bigint, claims text not null, password text,
    password_changed_at bigint, created_at bigint not null, disabled_at bigint
  );
  create unique index stored_users_username on stored_users (coalesce(tenant, ''), username_key);
  create unique index stored_users_email on stored_users (coalesce(tenant, ''), email_key)
    where email_verified_at is not null;

  create table attempts (hash ${key} primary key, count bigint not null, expires_at bigint not null) ${updated};
  create index attempts_expires_at on attempts (expires_at);

  create table pushed_requests (
    hash ${key} primary key, client_id ${key} not null, parameters text not null, expires_at bigint not null
  ) ${shortLived};
  create index pushed_requests_expires_at on pushed_requests (expires_at);
  `,
  `
  create table waiting_mails (
    id ${key} primary key, sealed bytea not null, attempts bigint not null, due_at bigint not null, expires_at bigint not null
  ) ${updated};
  create index waiting_mails_due_at on waiting_mails (due_at);
  create index waiting_mails_expires_at on waiting_mails (expires_at);
  `,
  // A session is extended while it is used. A session that an older node adds is due immediately, and clean-up
  // postpones it.
  `
  alter table sessions add column clean_at bigint not null default 0;
  drop index sessions_idle_expires_at;
  create index sessions_clean_at on sessions (clean_at);
  `,
  // For existing clients, it is unknown which credential they registered with and whether they were used, so none of
  // them is evicted. An update may have changed metadata that users saw, so users are asked again.
  `
  alter table registered_clients add column vouched_by text;
  alter table registered_clients add column used_at bigint;
  alter table registered_clients add column shown_since bigint;
  update registered_clients set vouched_by = 'unknown', used_at = created_at,
    shown_since = case when version > 1 then extract(epoch from now())::bigint end;
  `,
  { index: 'registered_clients_unused', on: 'registered_clients (created_at) where used_at is null' },
  // Surplus authorizations are deleted with their codes and families: see `Authorizations.trim`.
  { index: 'codes_authorization_id', on: 'codes (authorization_id)' },
  { index: 'families_authorization_id', on: 'families (authorization_id)' },
  // Clients of the users with the most are deleted to make room: see `RegisteredClients.add`.
  `
  alter table registered_clients add column used_by text;
  `,
  {
    index: 'registered_clients_used_by',
    on: 'registered_clients (used_by, used_at desc, client_id) where used_by is not null',
  },
  `
  create table webhook_messages (
    event_id ${key} not null, endpoint ${key} not null, sealed bytea not null, attempts bigint not null,
    due_at bigint not null, expires_at bigint not null, primary key (event_id, endpoint)
  ) ${updated};
  create index webhook_messages_due_at on webhook_messages (endpoint, due_at);
  create index webhook_messages_expires_at on webhook_messages (expires_at);
  `,
  `
  create table entries (
    kind ${key} not null, id ${key} not null, version bigint not null, entry text not null, needs text,
    enabled bigint not null, revision bigint not null, created_at bigint not null, updated_at bigint not null, primary key (kind, id)
  );
  create index entries_revision on entries (kind, revision);
  `,
  // Everything that was issued to a client until then is revoked: see `Principals.revokeClient`.
  `
  alter table standing add column revoked_at bigint;
  `,
  // Personal members can be erased, so they are no part of the signed text.
  `
  create table audit_records (
    seq bigint primary key, at bigint not null, type text not null, sub ${key}, record text not null, personal text,
    signature text not null
  );
  create index audit_records_sub on audit_records (sub, seq) where sub is not null;
  `,
  // The key that a code is bound to (RFC 9449 §10).
  `
  alter table codes add column dpop_jkt text;
  `,
  // Deleted persons, until no earlier request can write rows of theirs: see `Persons.erase`.
  `
  create table erasures (sub ${key} primary key, erased_at bigint not null, finish_at bigint not null);
  `,
  // Sessions of a tenant whose users' access was revoked: see `Sessions.endOfTenant`.
  { index: 'sessions_tenant', on: 'sessions (tenant, auth_time) where tenant is not null' },
  // The APIs that a device asked for (RFC 8707 §2).
  `
  alter table devices add column resources text;
  `,
  // Tokens and sign-ins at providers of a person: see `Persons.erase`.
  {
    index: 'reference_tokens_authorization_id',
    on: 'reference_tokens (authorization_id) where authorization_id is not null',
  },
  {
    index: 'reference_tokens_subjects',
    on: `reference_tokens (hash) where length(claims) - length(replace(claims, '"sub":', '')) >= 12`,
  },
  { index: 'upstream_sessions_identity_alone', on: 'upstream_sessions (identity)' },
  // The tenant of the sign-in of a user without a record: see `Principals.revokeTenant`.
  `
  alter table authorizations add column sign_in_tenant text;
  `,
  // A hook can choose a user who is not derived from the identity: see `createSubjectSearch`.
  `
  alter table upstream_sessions add column sub text;
  `,
  { index: 'upstream_sessions_sub', on: 'upstream_sessions (sub) where sub is not null' },
  // When this server accepted a sign-in at a provider, which may state an earlier `auth_time`: see `Subject`.
  `
  alter table sessions add column signed_in_at bigint;
  alter table pending_sign_ins add column signed_in_at bigint;
  alter table authorizations add column signed_in_at bigint;
  `,
  // The first sign-in after a deletion: see `Erasure`.
  `
  alter table erasures add column returned_at bigint;
  `,
]
