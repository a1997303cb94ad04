with input as materialized (
  select * from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
    $17::text[], $18::text[], $19::text[], $20::bigint[], $21::bigint[], $22::text[], $23::text[],
    $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[]
  ) with ordinality as input (
    "at", "client_id", "sub", "authorization_id", "until", "epoch", "hash", "used_until",
    "authorizations.id", "authorizations.client_id", "authorizations.sub", "authorizations.tenant",
    "authorizations.sign_in_tenant", "authorizations.sid", "authorizations.scope",
    "authorizations.resources", "authorizations.idp", "authorizations.amr", "authorizations.acr",
    "authorizations.auth_time", "authorizations.signed_in_at", "authorizations.claims",
    "authorizations.requested_claims", "authorizations.created_at", "authorizations.expires_at",
    "authorizations.revoked_at", "authorizations.clean_at", place
  ) order by hash collate "C"
), owner as materialized (
  select sub, epoch from stored_users where sub = any (array (select sub from input)) order by sub for share
), users as materialized (
  select kind, id, stands from standing
  where kind in ('inactive_user', 'stored_user', 'user') and id = any (array (select sub from input))
    and (select count(*) from owner) >= 0
  order by kind, id for share
), valid as materialized (
  select input.* from input
  where coalesce(
      (select stands from standing where kind = 'client' and id = input.client_id),
      (select stands from standing where kind = 'stored_client' and id = input.client_id),
      case when left(input.client_id, 8) in ('https://', 'sealed1.') then 1 end) = 1
    and coalesce(
      (select case when stands = 1 or (select stands from users where kind = 'inactive_user' and id = input.sub) = 1
          then stands else coalesce((select stands from users where kind = 'stored_user' and id = input.sub), stands) end
        from users where kind = 'user' and id = input.sub),
      (select stands from users where kind = 'stored_user' and id = input.sub), 1) = 1
    and (authorization_id is null or (
      select true from authorizations
      where id = input.authorization_id and revoked_at is null and expires_at > input.at))
    and (input.epoch::bigint is not distinct from (select epoch from owner where owner.sub = input.sub)
      or exists (select 1 from standing where kind = 'user' and id = input.sub and stands = 1))
), first_use as (
  insert into replays (hash, expires_at)
  select hash, used_until from valid order by hash
  on conflict do nothing
  returning hash
), consumed as (
  select valid.* from valid where hash in (select hash from first_use)
), "authorization" as (
  insert into authorizations (
    id, client_id, sub, tenant, sign_in_tenant, sid, scope, resources, idp, amr, acr, auth_time,
    signed_in_at, claims, requested_claims, created_at, expires_at, revoked_at, clean_at
  ) select
    "authorizations.id", "authorizations.client_id", "authorizations.sub", "authorizations.tenant",
    "authorizations.sign_in_tenant", "authorizations.sid", "authorizations.scope",
    "authorizations.resources", "authorizations.idp", "authorizations.amr", "authorizations.acr",
    "authorizations.auth_time", "authorizations.signed_in_at", "authorizations.claims",
    "authorizations.requested_claims", "authorizations.created_at", "authorizations.expires_at",
    "authorizations.revoked_at", "authorizations.clean_at"
  from consumed
), authorization_extended as (
  update authorizations set expires_at = consumed.until
  from consumed
  where authorizations.id = consumed.authorization_id and authorizations.expires_at < consumed.until
)
select place, case
    when place not in (select place from valid) then 'revoked'
    when place in (select place from consumed) then 'committed'
    when false then 'revoked'
    else 'already_used'
  end
from input;
