with input as materialized (
  select * from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::bigint[],
    $16::bigint[], $17::bigint[], $18::bigint[]
  ) with ordinality as input (
    "at", "client_id", "sub", "authorization_id", "until", "hash", "families.id",
    "families.authorization_id", "families.client_id", "families.generation", "families.scope",
    "families.access_claims", "families.cnf", "families.created_at", "families.expires_at",
    "families.idle_expires_at", "families.rotated_at", "families.clean_at", place
  ) order by hash collate "C"
), valid as materialized (
  select input.* from input
  where coalesce(
      (select stands from standing where kind = 'client' and id = input.client_id),
      (select stands from standing where kind = 'stored_client' and id = input.client_id),
      case when left(input.client_id, 8) in ('https://', 'sealed1.') then 1 end) = 1
    and coalesce(
      (select case when stands = 1 or (select stands from standing where kind = 'inactive_user' and id = input.sub) = 1
          then stands else coalesce((select stands from standing where kind = 'stored_user' and id = input.sub), stands) end
        from standing where kind = 'user' and id = input.sub),
      (select stands from standing where kind = 'stored_user' and id = input.sub), 1) = 1
    and (authorization_id is null or (
      select true from authorizations
      where id = input.authorization_id and revoked_at is null and expires_at > input.at))
), consumed as (
  update devices set used_at = valid.at + floor(extract(epoch from clock_timestamp() - statement_timestamp()))::bigint
  from valid
  where devices.hash = valid.hash and devices.used_at is null and devices.expires_at > valid.at
    and devices.status = 'approved'
  returning valid.*
), "family" as (
  insert into families (
    id, authorization_id, client_id, generation, scope, access_claims, cnf, created_at, expires_at,
    idle_expires_at, rotated_at, clean_at
  ) select
    "families.id", "families.authorization_id", "families.client_id", "families.generation",
    "families.scope", "families.access_claims", "families.cnf", "families.created_at",
    "families.expires_at", "families.idle_expires_at", "families.rotated_at", "families.clean_at"
  from consumed
), authorization_extended as (
  update authorizations set expires_at = consumed.until
  from consumed
  where authorizations.id = consumed.authorization_id and authorizations.expires_at < consumed.until
)
select place, case
    when place not in (select place from valid) then 'revoked'
    when place in (select place from consumed) then 'committed'
    when (select true from devices
    where hash = input.hash and used_at is null and (expires_at <= input.at or status <> 'approved')) then 'revoked'
    else 'already_used'
  end
from input;
