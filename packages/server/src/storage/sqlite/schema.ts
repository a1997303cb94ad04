/**
 * The schema as forward-only migrations. `user_version` counts those that were applied. Append, never edit.
 *
 * `clean_at` is the time at which clean-up examines a row next. It may be earlier than the row's expiry, so that
 * extending the expiry, as each refresh does, changes no index. Clean-up then postpones it.
 *
 * Tables that grow with the number of requests have a row id, so that new rows are appended to the table, to the index
 * of expiry, and to the index of keys that begin with a time (measured: `without rowid` costs a fifth more, and twice
 * as much with random keys).
 */

export const migrations: readonly string[] = [
  `
  create table authorizations (
    id text primary key, client_id text not null, sub text not null, tenant text, sid text,
    scope text not null, resources text not null, idp text not null, amr text not null, acr text,
    auth_time integer not null, claims text, created_at integer not null, expires_at integer not null,
    revoked_at integer, clean_at integer not null
  ) strict;
  create index authorizations_clean_at on authorizations (clean_at);

  create table codes (
    hash text primary key, authorization_id text not null, redirect_uri text not null, code_challenge text,
    code_challenge_method text, nonce text, s_hash text, expires_at integer not null, used_at integer, clean_at integer not null
  ) strict;
  create index codes_clean_at on codes (clean_at);

  create table devices (
    hash text primary key, user_code_hash text not null unique, client_id text not null, scope text not null,
    status text not null, authorization_id text, interval integer not null, last_polled_at integer,
    expires_at integer not null, used_at integer
  ) strict;
  create index devices_expires_at on devices (expires_at);

  create table families (
    id text primary key, authorization_id text not null, client_id text not null, generation integer not null,
    scope text not null, access_claims text, cnf text, created_at integer not null, expires_at integer not null,
    idle_expires_at integer not null, rotated_at integer not null, clean_at integer not null
  ) strict;
  create index families_clean_at on families (clean_at);

  create table reference_tokens (
    hash text primary key, authorization_id text, client_id text not null, claims text not null,
    expires_at integer not null
  ) strict;
  create index reference_tokens_expires_at on reference_tokens (expires_at);

  create table revoked_tokens (jti text primary key, expires_at integer not null) strict;
  create index revoked_tokens_expires_at on revoked_tokens (expires_at);

  create table replays (hash text primary key, expires_at integer not null) strict;
  create index replays_expires_at on replays (expires_at);

  create table sessions (
    hash text primary key, sid text not null, sub text not null, tenant text, idp text not null, amr text not null,
    acr text, auth_time integer not null, claims text, created_at integer not null, expires_at integer not null
  ) strict;
  create index sessions_expires_at on sessions (expires_at);

  create table consents (
    sub text not null, client_id text not null, scope text not null, created_at integer not null,
    primary key (sub, client_id)
  ) strict, without rowid;

  create table keys (
    kid text not null unique, alg text not null, sealed blob not null, created_at integer not null,
    active_from integer not null
  ) strict;

  create table settings (name text primary key, value text not null) strict, without rowid;

  create table standing (
    kind text not null, id text not null, stands integer not null, primary key (kind, id)
  ) strict, without rowid;
  `,
  `
  create table upstream_requests (
    hash text primary key, browser text not null, provider text not null, continuation text not null,
    linking_sid text, expires_at integer not null
  ) strict;
  create index upstream_requests_expires_at on upstream_requests (expires_at);

  create table identity_links (
    provider text not null, identity text not null, sub text not null, label text, created_at integer not null,
    primary key (provider, identity)
  ) strict, without rowid;
  create index identity_links_sub on identity_links (sub);

  create table upstream_sessions (
    id text primary key, provider text not null, identity text not null, upstream_sid text,
    id_token blob not null, expires_at integer not null
  ) strict;
  create index upstream_sessions_identity on upstream_sessions (provider, identity);
  create index upstream_sessions_upstream_sid on upstream_sessions (provider, upstream_sid);
  create index upstream_sessions_expires_at on upstream_sessions (expires_at);
  `,
  `
  create table totp_secrets (
    sub text primary key, sealed blob not null, last_step integer not null, created_at integer not null
  ) strict, without rowid;

  create table recovery_codes (
    sub text not null, hash text not null, primary key (sub, hash)
  ) strict, without rowid;

  create table passkeys (
    id text primary key, sub text not null, public_key blob not null, counter integer not null,
    transports text not null, backup_eligible text not null, backed_up text not null, name text not null,
    created_at integer not null, last_used_at integer
  ) strict;
  create index passkeys_sub on passkeys (sub);

  create table pending_sign_ins (
    hash text primary key, sub text not null, tenant text, idp text not null, amr text not null,
    acr text, auth_time integer not null, claims text, created_at integer not null, expires_at integer not null
  ) strict;
  create index pending_sign_ins_expires_at on pending_sign_ins (expires_at);
  `,
  `
  alter table sessions add column idle_expires_at integer not null default 0;
  alter table sessions add column idle_lifetime integer not null default 0;
  alter table sessions add column last_seen_at integer not null default 0;
  alter table sessions add column user_agent text;
  alter table sessions add column address text;
  update sessions set idle_expires_at = expires_at, idle_lifetime = expires_at - created_at, last_seen_at = created_at;
  drop index sessions_expires_at;
  create index sessions_idle_expires_at on sessions (idle_expires_at);
  create unique index sessions_sid on sessions (sid);
  create index sessions_sub on sessions (sub);

  create table session_clients (
    sid text not null, client_id text not null, expires_at integer not null, primary key (sid, client_id)
  ) strict;
  create index session_clients_expires_at on session_clients (expires_at);

  create index authorizations_sid on authorizations (sid) where sid is not null;

  create table logout_notices (
    sid text not null, client_id text not null, sub text not null, attempts integer not null,
    due_at integer not null, expires_at integer not null, primary key (sid, client_id)
  ) strict;
  create index logout_notices_due_at on logout_notices (due_at);
  create index logout_notices_expires_at on logout_notices (expires_at);
  `,
  // Clients that registered themselves. Triggers write their principals and origins.
  `
  create table registered_clients (
    client_id text primary key, version integer not null, metadata text not null, client_secret_hash text,
    client_secret_expires_at integer, registration_token_hash text not null, created_at integer not null,
    expires_at integer
  ) strict;
  create index registered_clients_expires_at on registered_clients (expires_at) where expires_at is not null;
  create table registered_origins (
    origin text not null, client_id text not null, primary key (origin, client_id)
  ) strict, without rowid;
  create index registered_origins_client_id on registered_origins (client_id);

  create trigger registered_client_added after insert on registered_clients begin
    insert into standing (kind, id, stands) values ('stored_client', new.client_id, 1);
    insert or ignore into registered_origins (origin, client_id)
      select value, new.client_id from json_each(new.metadata, '$.allowed_cors_origins');
  end;
  create trigger registered_client_replaced after update of metadata on registered_clients begin
    delete from registered_origins where client_id = new.client_id;
    insert or ignore into registered_origins (origin, client_id)
      select value, new.client_id from json_each(new.metadata, '$.allowed_cors_origins');
  end;
  create trigger registered_client_removed after delete on registered_clients begin
    delete from standing where kind = 'stored_client' and id = old.client_id;
    delete from registered_origins where client_id = old.client_id;
  end;
  `,
  `
  alter table sessions add column upstream text;
  create index sessions_upstream on sessions (upstream) where upstream is not null;
  alter table pending_sign_ins add column upstream text;
  `,
  `
  alter table authorizations add column requested_claims text;
  `,
  // Stored users. Triggers write their principals.
  `
  create table stored_users (
    sub text primary key, version integer not null, username text not null, username_key text not null, tenant text,
    email text, email_key text, email_verified_at integer, claims text not null, password text,
    password_changed_at integer, created_at integer not null, disabled_at integer
  ) strict;
  create unique index stored_users_username on stored_users (coalesce(tenant, ''), username_key);
  create unique index stored_users_email on stored_users (coalesce(tenant, ''), email_key)
    where email_verified_at is not null;

  create trigger stored_user_added after insert on stored_users begin
    insert into standing (kind, id, stands) values ('stored_user', new.sub, new.disabled_at is null);
  end;
  create trigger stored_user_replaced after update on stored_users begin
    update standing set stands = new.disabled_at is null where kind = 'stored_user' and id = new.sub;
  end;

  create index authorizations_sub on authorizations (sub);

  create table attempts (hash text primary key, count integer not null, expires_at integer not null) strict;
  create index attempts_expires_at on attempts (expires_at);
  `,
  `
  create table pushed_requests (
    hash text primary key, client_id text not null, parameters text not null, expires_at integer not null
  ) strict;
  create index pushed_requests_expires_at on pushed_requests (expires_at);
  `,
  `
  alter table consents add column remembered_until integer;
  `,
  `
  alter table consents add column remembered text;
  `,
  // A sign-in that was checked before its user's access ended creates no session: see `StoredUser.epoch`.
  `
  alter table stored_users add column epoch integer not null default 0;
  alter table sessions add column epoch integer;
  alter table pending_sign_ins add column epoch integer;
  update sessions set epoch = 0 where sub in (select sub from stored_users);
  create index pending_sign_ins_sub on pending_sign_ins (sub);

  create trigger stored_user_removed after delete on stored_users begin
    update standing set stands = 0 where kind = 'stored_user' and id = old.sub;
  end;
  `,
  // The `sub` of a deleted user is never reused.
  `
  create trigger stored_user_returns before insert on stored_users
  when exists (select 1 from standing where kind = 'stored_user' and id = new.sub) begin
    select raise(ignore);
  end;
  `,
  `
  create table waiting_mails (
    id text primary key, sealed blob not null, attempts integer not null, due_at integer not null, expires_at integer not null
  ) strict;
  create index waiting_mails_due_at on waiting_mails (due_at);
  create index waiting_mails_expires_at on waiting_mails (expires_at);
  `,
  // For existing clients, it is unknown which credential they registered with and whether they were used, so none of
  // them is evicted. An update may have changed metadata that users saw, so users are asked again.
  `
  alter table registered_clients add column vouched_by text;
  alter table registered_clients add column used_at integer;
  alter table registered_clients add column shown_since integer;
  update registered_clients set vouched_by = 'unknown', used_at = created_at,
    shown_since = case when version > 1 then unixepoch() end;
  create index registered_clients_unused on registered_clients (created_at) where used_at is null;
  `,
  // Surplus authorizations are deleted with their codes and families: see `Authorizations.trim`.
  `
  create index codes_authorization_id on codes (authorization_id);
  create index families_authorization_id on families (authorization_id);
  `,
  // Clients of the users with the most are deleted to make room: see `RegisteredClients.add`.
  `
  alter table registered_clients add column used_by text;
  create index registered_clients_used_by on registered_clients (used_by, used_at desc, client_id) where used_by is not null;
  `,
  `
  create table webhook_messages (
    event_id text not null, endpoint text not null, sealed blob not null, attempts integer not null,
    due_at integer not null, expires_at integer not null, primary key (event_id, endpoint)
  ) strict;
  create index webhook_messages_due_at on webhook_messages (endpoint, due_at);
  create index webhook_messages_expires_at on webhook_messages (expires_at);
  `,
  // Triggers write the principals of clients.
  `
  create table entries (
    kind text not null, id text not null, version integer not null, entry text not null, needs text,
    enabled integer not null, revision integer not null, created_at integer not null, updated_at integer not null, primary key (kind, id)
  ) strict;
  create index entries_revision on entries (kind, revision);

  create trigger entry_added after insert on entries when new.kind = 'clients' begin
    insert into standing (kind, id, stands) values ('stored_client', new.id, new.enabled)
      on conflict do update set stands = excluded.stands;
  end;
  create trigger entry_replaced after update on entries when new.kind = 'clients' begin
    update standing set stands = new.enabled where kind = 'stored_client' and id = new.id;
  end;
  create trigger entry_removed after delete on entries when old.kind = 'clients' begin
    update standing set stands = 0 where kind = 'stored_client' and id = old.id;
  end;
  `,
  // Everything that was issued to a client until then is revoked: see `Principals.revokeClient`.
  `
  alter table standing add column revoked_at integer;
  `,
  // Personal members can be erased, so they are no part of the signed text.
  `
  create table audit_records (
    seq integer primary key, at integer not null, type text not null, sub text, record text not null, personal text,
    signature text not null
  ) strict;
  create index audit_records_sub on audit_records (sub, seq) where sub is not null;
  `,
  // The key that a code is bound to (RFC 9449 §10).
  `
  alter table codes add column dpop_jkt text;
  `,
  // Deleted persons, until no earlier request can write rows of theirs: see `Persons.erase`.
  `
  create table erasures (
    sub text primary key, erased_at integer not null, finish_at integer not null
  ) strict, without rowid;
  `,
  // Sessions of a tenant whose users' access was revoked: see `Sessions.endOfTenant`.
  `
  create index sessions_tenant on sessions (tenant, auth_time) where tenant is not null;
  `,
  // The APIs that a device asked for (RFC 8707 §2).
  `
  alter table devices add column resources text;
  `,
  // Tokens and sign-ins at providers of a person: see `Persons.erase`.
  `
  create index reference_tokens_authorization_id on reference_tokens (authorization_id) where authorization_id is not null;
  create index reference_tokens_subjects on reference_tokens (hash)
    where length(claims) - length(replace(claims, '"sub":', '')) >= 12;
  create index upstream_sessions_identity_alone on upstream_sessions (identity);
  `,
  // The tenant of the sign-in of a user without a record: see `Principals.revokeTenant`.
  `
  alter table authorizations add column sign_in_tenant text;
  `,
  // A hook can choose a user who is not derived from the identity: see `createSubjectSearch`.
  `
  alter table upstream_sessions add column sub text;
  create index upstream_sessions_sub on upstream_sessions (sub) where sub is not null;
  `,
  // When this server accepted a sign-in at a provider, which may state an earlier `auth_time`: see `Subject`.
  `
  alter table sessions add column signed_in_at integer;
  alter table pending_sign_ins add column signed_in_at integer;
  alter table authorizations add column signed_in_at integer;
  `,
  // The first sign-in after a deletion: see `Erasure`.
  `
  alter table erasures add column returned_at integer;
  `,
]
